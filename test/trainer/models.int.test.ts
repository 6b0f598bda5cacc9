import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { describe, test } from 'vitest'
import { compile } from '../../src/features/plan/compile.js'
import { simulatorHash } from '../../trainer/simulator-hash.js'
import { builtinStreams } from '../../src/streams/built-in/index.js'

interface Figures {
  readonly pr_auc: number
  readonly roc_auc: number
  readonly high_share: number
}

interface Manifest {
  readonly fingerprint: string
  readonly features: readonly string[]
  readonly sha256: string
  readonly simulator: string
  readonly thresholds: { readonly high: number; readonly medium: number }
  readonly metrics: { readonly tests: Readonly<Record<string, Figures>> }
}

const folderOf = (family: string): string => `models/${family}/global/v001`
const read = (family: string): { manifest: Manifest; card: string; model: Buffer } => ({
  manifest: JSON.parse(readFileSync(`${folderOf(family)}/manifest.json`, 'utf8')) as Manifest,
  card: readFileSync(`${folderOf(family)}/card.md`, 'utf8'),
  model: readFileSync(`${folderOf(family)}/model.onnx`),
})

describe('demo models', () => {
  for (const stream of builtinStreams) {
    const family = stream.model!

    test(`${family} is the file that its manifest describes, and small`, () => {
      const { manifest, model } = read(family)
      assert.equal(createHash('sha256').update(model).digest('hex'), manifest.sha256)
      assert.ok(statSync(`${folderOf(family)}/model.onnx`).size < 1_000_000)
      assert.ok(manifest.thresholds.medium < manifest.thresholds.high)
    })

    test(`${family} fits the vectors of ${stream.name}; if not, train again (trainer/README.md)`, () => {
      const plan = compile(stream)
      const { manifest } = read(family)
      assert.deepEqual(manifest.features, plan.names)
      assert.equal(manifest.fingerprint, plan.fingerprint)
    })

    test(`${family} was measured with the current simulator; if not, train again or record why`, () => {
      const { manifest, card } = read(family)
      const now = simulatorHash()
      const recorded = 'trainer/simulator-changes.md'
      const changes = existsSync(recorded) ? readFileSync(recorded, 'utf8').replace(/\s+/g, ' ') : ''
      const isRecorded = changes.includes(`${manifest.simulator} -> ${now}`)
      assert.ok(
        manifest.simulator === now || isRecorded,
        `measured with ${manifest.simulator}, the simulator is ${now}: train again, or write ` +
          `'${manifest.simulator} -> ${now}' and why into ${recorded}`,
      )
      assert.ok(card.includes(manifest.simulator))
    })

    test(`${family}'s card contains the figures of its manifest`, () => {
      const { manifest, card } = read(family)
      for (const { pr_auc, roc_auc } of Object.values(manifest.metrics.tests))
        for (const figure of [pr_auc, roc_auc]) assert.ok(card.includes(`**${figure.toFixed(3)}**`), String(figure))
    })
  }
})
