import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { test } from 'vitest'
import { compile } from '../../src/features/compile.js'
import type { Event } from '../../src/features/feature.js'
import type { PartitionState, Plan } from '../../src/features/plan.js'
import { partitionOf } from '../../src/keys.js'
import { workloadSet } from './workload-set.js'

const peers = new URL('../../../shared/peers/', import.meta.url).pathname
const partitions = 4
const chunkRecords = 2_000

/** The events in the order of the file, whose bytes the generator promises on every machine. */
function generatedEvents(): readonly Event[] {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-workload-'))
  try {
    const file = join(folder, 'events.ndjson')
    execFileSync('python3', [join(peers, 'src/tools/gen.py'), file])
    return readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Event)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Folds a partition's events chunk by chunk, as the log path does, and gives all of their vectors. */
function vectorsOf(plan: Plan, events: readonly Event[]): Float32Array {
  const state = plan.open(50_000, 200_000)
  const vectors = new Float32Array(events.length * plan.width)
  for (let from = 0; from < events.length; from += chunkRecords) {
    const chunk = events.slice(from, from + chunkRecords)
    admitNothing(state, chunk)
    chunk.forEach((event, i) => assert.equal(state.fold(event, vectors, from + i), 'folded'))
  }
  return vectors
}

function admitNothing(state: PartitionState, chunk: readonly Event[]): void {
  for (let keys = state.missing(chunk); keys.length > 0; keys = state.missing(chunk)) state.admit(keys, keys.map(() => undefined))
}

async function scoresOf(session: InferenceSession, vectors: Float32Array, width: number): Promise<Float64Array> {
  const rows = vectors.length / width
  const scores = new Float64Array(rows)
  for (let from = 0; from < rows; from += chunkRecords) {
    const count = Math.min(chunkRecords, rows - from)
    const input = new Tensor('float32', vectors.subarray(from * width, (from + count) * width), [count, width])
    const probabilities = (await session.run({ input }, ['probabilities']))['probabilities']!.data as Float32Array
    for (let i = 0; i < count; i++) scores[from + i] = probabilities[i * 2 + 1]!
  }
  return scores
}

test('the features of the engine comparison give its model the scores that every other engine got', { timeout: 120_000 }, async () => {
  if (!existsSync(join(peers, 'fraud.onnx'))) {
    process.stderr.write(`\n!!! NOT PROVED: the comparison workload is not at ${peers}; scores were not checked\n\n`)
    return
  }
  const events = generatedEvents()
  const expected = JSON.parse(gunzipSync(readFileSync(join(peers, 'reference-scores.json.gz'))).toString()) as readonly number[]
  const plan = compile(workloadSet)
  const session = await InferenceSession.create(join(peers, 'fraud.onnx'), { intraOpNumThreads: 1, interOpNumThreads: 1 })
  const indices: number[][] = Array.from({ length: partitions }, () => [])
  events.forEach((event, i) => indices[partitionOf(Buffer.from(event['person_id'] as string), partitions)]!.push(i))

  let sum = 0
  const differing: string[] = []
  for (const own of indices) {
    const scores = await scoresOf(session, vectorsOf(plan, own.map((i) => events[i]!)), plan.width)
    own.forEach((index, row) => {
      sum += scores[row]!
      if (Math.abs(scores[row]! - expected[index]!) > 1e-6) differing.push(`event ${index}: ${scores[row]} instead of ${expected[index]}`)
    })
  }

  assert.equal(events.length, 300_000)
  assert.deepEqual(differing.slice(0, 10), [])
  assert.ok(Math.abs(sum - 80_070.863) <= 0.01, `the scores sum to ${sum}`)
})
