import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { test } from 'vitest'
import { workload, workloadLines } from '../../src/cli/bench/workload.js'
import { scoreFile } from '../../src/tasks.js'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))
const reference = path('../../../shared/peers/reference-scores.json.gz')

async function* numbered(hash: ReturnType<typeof createHash>): AsyncGenerator<{ number: number; text: string }> {
  let number = 0
  for (const text of workloadLines()) {
    hash.update(`${text}\n`)
    yield { number: ++number, text }
  }
}

test('the whole path gives every event of the comparison workload the score that other engines gave it', { timeout: 300_000 }, async () => {
  const hash = createHash('sha256')
  const scores: number[] = []
  const summary = await scoreFile({
    stream: 'attendance-bench', streams: [path('../../bench/streams')], model: path('../../bench/attendance-bench.onnx'), features: false,
    lines: numbered(hash),
    write: (text) => {
      for (const line of text.trimEnd().split('\n')) scores.push((JSON.parse(line) as { score: number }).score)
      return Promise.resolve()
    },
  })
  assert.equal(hash.digest('hex'), workload.sha256, 'the events are those of the workload, byte for byte')
  assert.deepEqual({ predictions: summary.predictions, duplicates: summary.duplicates, deadLetters: summary.deadLetters, late: summary.late }, { predictions: 300_000, duplicates: 0, deadLetters: 0, late: 0 })
  assert.ok(Math.abs(summary.scoreSum - workload.scoreSum) <= workload.scoreSumTolerance, `the scores sum to ${summary.scoreSum}`)
  if (!existsSync(reference)) return void process.stderr.write(`\n!! ${reference} is missing: single scores were NOT compared, only their sum.\n`)
  const expected = JSON.parse(gunzipSync(readFileSync(reference)).toString()) as number[]
  const apart = scores.findIndex((score, i) => Math.abs(score - expected[i]!) > 1e-6)
  assert.equal(apart, -1, `event ${apart} scores ${scores[apart]}, the reference says ${expected[apart]}`)
})
