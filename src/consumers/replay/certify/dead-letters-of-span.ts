import type { LogView, Offset, TopicPartition } from '../../../log/event-log.js'
import type { OffsetRange } from '../../ground/block-rows.js'
import type { Difference } from './certificate.js'
import { readDeadLetter, type StoredDeadLetter } from '../../ground/dead-letter-record.js'
import { readPartition } from '../../ground/read-partition.js'

/** Why a record became a dead letter, without its bytes. */
type Reason = Pick<StoredDeadLetter, 'offset' | 'code' | 'stage' | 'reason'>
type DeadLetters = ReadonlyMap<Offset, StoredDeadLetter>

/**
 * The dead letters of a range of source offsets, in order. A dead letter that was appended twice counts once. The words
 * about an unknown tenant hold nothing that the code and the record do not, and builds word them differently.
 */
export async function readDeadLetters(
  view: LogView,
  at: TopicPartition,
  { from, to }: OffsetRange,
): Promise<Map<Offset, StoredDeadLetter>> {
  const found = new Map<Offset, StoredDeadLetter>()
  for await (const records of readPartition(view, at, { records: 1_000, bytes: 4 * 1024 * 1024 })) {
    for (const record of records) {
      const stored = readDeadLetter(record)
      if (stored === undefined || stored.offset < from || stored.offset >= to || found.has(stored.offset)) continue
      const reason = stored.code === 'UNKNOWN_TENANT' ? '' : stored.reason
      found.set(stored.offset, { ...stored, reason, key: null, value: null, headers: {} })
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b))
}

/** The first offset that is a dead letter on one side only, or on both sides for different reasons. */
export function differingDeadLetter(
  partition: number,
  served: DeadLetters,
  replayed: DeadLetters,
): Difference | undefined {
  const offsets = [...new Set([...served.keys(), ...replayed.keys()])].sort((a, b) => a - b)
  for (const offset of offsets) {
    const [left, right] = [served.get(offset), replayed.get(offset)]
    if (left === undefined || right === undefined)
      return {
        partition,
        offset,
        field: 'result',
        served: left === undefined ? null : `a dead letter: ${left.code}`,
        replayed: right === undefined ? null : `a dead letter: ${right.code}`,
      }
    const field = (['code', 'stage', 'reason'] as const satisfies readonly (keyof Reason)[]).find(
      (name) => left[name] !== right[name],
    )
    if (field !== undefined)
      return { partition, offset, field: `dead letter ${field}`, served: left[field], replayed: right[field] }
  }
  return undefined
}
