import type { LogView, Offset, TopicPartition } from '../../../log/event-log.js'
import { readUpTo } from '../../../log/read-up-to.js'
import type { OffsetRange } from '../../ground/block-rows.js'
import type { Difference } from './certificate.js'
import { readDeadLetter, type StoredDeadLetter } from '../../ground/dead-letter-record.js'

/** Why an event was set aside, without its bytes. */
type Reason = Pick<StoredDeadLetter, 'offset' | 'code' | 'stage' | 'reason'>
type DeadLetters = ReadonlyMap<Offset, StoredDeadLetter>

/** The dead letters of a range of source offsets, in their order; one that was appended again counts once. */
export async function readDeadLetters(
  view: LogView,
  at: TopicPartition,
  { from, to }: OffsetRange,
): Promise<DeadLetters> {
  const { first, next } = await view.bounds(at)
  const reader = view.reader(at)
  const { signal } = new AbortController()
  const letters = new Map<Offset, StoredDeadLetter>()
  try {
    for await (const records of readUpTo(reader, first, next, { records: 1_000, bytes: 4 * 1024 * 1024 }, signal)) {
      for (const record of records) {
        const letter = readDeadLetter(record)
        if (letter === undefined || letter.offset < from || letter.offset >= to || letters.has(letter.offset)) continue
        letters.set(letter.offset, { ...letter, key: null, value: null, headers: {} })
      }
    }
  } finally {
    await reader.close()
  }
  return new Map([...letters].sort(([a], [b]) => a - b))
}

/** The first offset that is a dead letter on one side alone, or for another reason. */
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
