import { parseArgs } from 'node:util'
import { startEngine, type Appended } from './engine.js'
import { fuzzed, type Fuzzed } from './records.js'
import { followResults, type Result } from './results.js'

/** What the program prints. */
export interface Outcome {
  readonly seed: number
  readonly records: number
  readonly scoredGood: number
  /** How many records had each result. */
  readonly results: Readonly<Record<string, number>>
  /** The fewest bytes on the heap and in buffers after a collection, in the second and in the last quarter. */
  readonly heapBytes: readonly [number, number]
  readonly violations: readonly string[]
}

const batchRecords = 10_000
/** Good events are scored alone, too, so that each vector beside the wild ones can be compared. */
const comparedRecords = 100_000
const mostViolations = 20

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, records: { type: 'string', default: '1000000' } },
})

function* batches(records: Iterable<Fuzzed>): Generator<readonly Fuzzed[]> {
  let batch: Fuzzed[] = []
  for (const one of records) {
    batch.push(one)
    if (batch.length < batchRecords) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Why a record's results are wrong; undefined when they are right. */
function violationOf({ partition, offset, value, good }: Appended, results: readonly Result[]): string | undefined {
  const where = `${partition}/${offset} (${value?.toString('latin1', 0, 200) ?? 'no value'})`
  if (value === null) return results.length === 0 ? undefined : `${where}: no event, but ${results.join()}`
  if (results.length !== 1) return `${where}: ${results.length} results: ${results.join()}`
  if (results[0] === 'unscored') return `${where}: no score in 0..1`
  return good === undefined || results[0] === 'scored' ? undefined : `${where}: good, but ${results[0]}`
}

/** Bytes on the heap and in buffers after a collection, which needs `--expose-gc`. */
function heapBytes(): number {
  globalThis.gc!()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** The least of a quarter that starts at `from`, a share of all. Chunks in flight make single values differ. */
const leastOf = (values: readonly number[], from: number): number =>
  Math.min(...values.slice(Math.floor(values.length * from), Math.ceil(values.length * (from + 0.25))))

async function run(seed: number, records: number): Promise<Outcome> {
  const [engine, undisturbed] = [await startEngine(), await startEngine()]
  const [follower, undisturbedFollower] = [followResults(engine), followResults(undisturbed)]
  const violations: string[] = []
  const counts: Record<string, number> = {}
  const heap: number[] = []
  let [done, scoredGood] = [0, 0]
  try {
    for (const batch of batches(fuzzed(seed, records))) {
      const compared = done < comparedRecords
      for (const [one, results] of await follower.of(await engine.append(batch))) {
        const result = results[0] ?? 'skipped'
        counts[result] = (counts[result] ?? 0) + 1
        if (one.good !== undefined && result === 'scored') scoredGood++
        const violation = violationOf(one, results)
        if (violation !== undefined) violations.push(violation)
      }
      done += batch.length
      if (compared) {
        await undisturbedFollower.of(await undisturbed.append(batch.filter(({ good }) => good !== undefined)))
        if (follower.digest() !== undisturbedFollower.digest())
          violations.push(`the vectors of good events before record ${done} differ from those without wild records`)
      }
      heap.push(heapBytes())
      if (violations.length >= mostViolations) break
      if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${records} records`)
    }
  } catch (error) {
    violations.push(`the engine ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  await Promise.allSettled([engine.close(), undisturbed.close()])
  return {
    seed,
    records: done,
    scoredGood,
    results: counts,
    heapBytes: [leastOf(heap, 0.25), leastOf(heap, 0.75)],
    violations: violations.slice(0, mostViolations),
  }
}

process.stdout.write(`${JSON.stringify(await run(Number(values.seed), Number(values.records)))}\n`)
