import type { LogRecord } from '../../src/log/event-log.js'
import type { Acknowledged } from './load.js'
import { positionOf, type Position, type Published, type Results, type Viewed } from './results.js'
import type { StateDifference } from './state.js'
import type { Outcome } from './fault.js'

/** Everything that is known after a fault, for one judgement. */
export interface Evidence {
  readonly acknowledged: readonly Acknowledged[]
  readonly input: readonly (readonly LogRecord[])[]
  readonly idOf: (record: LogRecord) => string | undefined
  /** What the records come to when nothing happens. */
  readonly expected: Results
  readonly viewed: Viewed
  readonly published: Published
  readonly state: StateDifference
}

/**
 * Compares two runs: what was acknowledged is there, and each of its records has exactly one visible result, that of
 * the undisturbed run.
 */
export function judge({ acknowledged, input, idOf, expected, viewed, published, state }: Evidence): Outcome {
  const lostFromLog = acknowledged.filter(({ id, partition, offset }) => {
    const record = at(input[partition]!, offset)
    return record === undefined || idOf(record) !== id
  })
  const seen = new Map<Position, string>()
  const twice: Position[] = []
  for (const [position, what] of viewed.rows) {
    if (seen.has(position)) twice.push(position)
    seen.set(position, what)
  }
  const lost = [...expected.keys()].filter((position) => !seen.has(position))
  const invented = [...seen.keys()].filter((position) => !expected.has(position))
  const differing = [...seen].filter(([position, what]) => expected.has(position) && expected.get(position) !== what)
  const otherwise = published.rows.filter(
    ([position, what]) => expected.has(position) && expected.get(position) !== what,
  )
  const records = input.flatMap((list, partition) => list.map(({ offset }) => positionOf(partition, offset)))
  const violations = [
    ...some(
      lostFromLog.map(({ id, partition, offset }) => `${id} at ${positionOf(partition, offset)}`),
      'acknowledged events are not in the log',
    ),
    ...some(lost, 'records have no visible result'),
    ...some(twice, 'records have more than one visible result'),
    ...some(invented, 'visible results belong to no record'),
    ...some(
      differing.map(([position, what]) => `${position}: ${what}, undisturbed: ${expected.get(position)!}`),
      'visible results differ from those of the undisturbed run',
    ),
    ...some(
      otherwise.map(([position]) => position),
      'published rows differ from those of the undisturbed run',
    ),
    ...some(state.different, 'pieces of state differ from those of the undisturbed run'),
  ]
  const figures = {
    acknowledged: acknowledged.length,
    records: records.length,
    results: seen.size,
    lost: lost.length + lostFromLog.length,
    twice: twice.length,
    differing: differing.length,
    rawCopies: viewed.rawCopies,
    repeatedRows: published.repeated,
    staleBlocks: published.stale,
    stateBlobs: state.blobs,
    stateDifferences: state.different.length,
  }
  return { figures, violations }
}

/** Offsets have holes at times, so the place in the list is only a first guess. */
const at = (records: readonly LogRecord[], offset: number): LogRecord | undefined =>
  records[offset]?.offset === offset ? records[offset] : records.find((record) => record.offset === offset)

const shown = 3

const some = (places: readonly string[], what: string): readonly string[] =>
  places.length === 0
    ? []
    : [`${places.length} ${what}: ${places.slice(0, shown).join('; ')}${places.length > shown ? ' ...' : ''}`]

/** Several outcomes as one; figures of the later ones win. */
export const together = (...outcomes: readonly Outcome[]): Outcome => ({
  figures: Object.assign({}, ...outcomes.map(({ figures }) => figures)) as Outcome['figures'],
  violations: outcomes.flatMap(({ violations }) => violations),
})

/** A violation where a condition does not hold. */
export const expect = (holds: boolean, otherwise: string): Outcome => ({
  figures: {},
  violations: holds ? [] : [otherwise],
})
