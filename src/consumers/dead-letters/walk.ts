import { limits } from '../../base/limits.js'
import type { EventLog, LogRecord, Offset, PartitionReader, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import { readDeadLetter, type StoredDeadLetter } from '../ground/dead-letter-record.js'

/** How many more records one request may read. */
export interface Budget {
  records: number
}

/**
 * A place of a walk: the next position in the dead-letter topic, and the offset that the last dead letter had in the
 * event topic; null: there was none.
 */
export type WalkPlace = readonly [position: Offset, offset: Offset | null]

export interface Walked<Item> {
  readonly item: Item
  /** A walk from this place gives the item again. */
  readonly before: WalkPlace
}

export interface Walk<Item> {
  /** The next item; undefined at the end, or when the budget is spent. */
  next(): Promise<Walked<Item> | undefined>
  /** A walk from this place continues this one. */
  readonly at: WalkPlace
  /** True when there is nothing more. */
  readonly ended: boolean
  close(): Promise<void>
}

/** Makes an item of a dead letter; undefined leaves it out. The buffers are valid until it returns. */
export type Take<Item> = (deadLetter: StoredDeadLetter, position: Offset) => Item | undefined

/** Records of one step. With larger steps, a full page would leave many records unused. */
const stepRecords = 256

/**
 * The dead letters of a partition down to `first`, each once. A crash may have written dead letters twice. The walk
 * leaves out a dead letter whose offset in the event topic it has already passed.
 */
export function walkNewestFirst<Item>(
  log: EventLog,
  at: TopicPartition,
  from: WalkPlace,
  first: Offset,
  budget: Budget,
  take: Take<Item>,
): Walk<Item> {
  return walk(log, at, from, budget, take, {
    ended: ([position]) => position <= first,
    range: ([position]) => [Math.max(first, position - Math.min(stepRecords, budget.records)), position],
    order: (records) => records.reverse(),
    isNew: (offset, last) => last === null || offset < last,
    after: (position) => position,
    end: ([start]) => start,
  })
}

/** As `walkNewestFirst`, but the oldest first, and up to `end` (exclusive). */
export function walkOldestFirst<Item>(
  log: EventLog,
  at: TopicPartition,
  from: WalkPlace,
  end: Offset,
  budget: Budget,
  take: Take<Item>,
): Walk<Item> {
  return walk(log, at, from, budget, take, {
    ended: ([position]) => position >= end,
    range: ([position]) => [position, Math.min(end, position + Math.min(stepRecords, budget.records))],
    order: (records) => records,
    isNew: (offset, last) => last === null || offset > last,
    after: (position) => position + 1,
    end: ([, stop]) => stop,
  })
}

type Range = readonly [start: Offset, stop: Offset]

interface Direction {
  ended(at: WalkPlace): boolean
  range(at: WalkPlace): Range
  order<T>(items: T[]): T[]
  isNew(offset: Offset, last: Offset | null): boolean
  after(position: Offset): Offset
  end(range: Range): Offset
}

/** What is left of one read. */
interface Step<Item> {
  readonly left: { readonly position: Offset; readonly offset: Offset; readonly item: Item | undefined }[]
  readonly end: Offset
}

function walk<Item>(
  log: EventLog,
  topic: TopicPartition,
  from: WalkPlace,
  budget: Budget,
  take: Take<Item>,
  direction: Direction,
): Walk<Item> {
  let at = from
  let reader: PartitionReader | undefined
  let step: Step<Item> | undefined

  async function read(): Promise<void> {
    const range = direction.range(at)
    budget.records -= range[1] - range[0]
    reader ??= log.reader(topic)
    const found = await readRange(reader, range, (record) => {
      const deadLetter = readDeadLetter(record)
      return deadLetter === undefined
        ? []
        : [{ position: record.offset, offset: deadLetter.offset, item: take(deadLetter, record.offset) }]
    })
    step = { left: direction.order(found), end: direction.end(range) }
  }

  return {
    async next() {
      for (;;) {
        for (let one = step?.left.shift(); one !== undefined; one = step?.left.shift()) {
          const before = at
          const isNew = direction.isNew(one.offset, at[1])
          at = [direction.after(one.position), isNew ? one.offset : at[1]]
          if (isNew && one.item !== undefined) return { item: one.item, before }
        }
        if (step !== undefined) at = [step.end, at[1]]
        step = undefined
        if (direction.ended(at) || budget.records <= 0) return undefined
        await read()
      }
    },
    get at() {
      return at
    },
    get ended() {
      return (step?.left.length ?? 0) === 0 && direction.ended(step === undefined ? at : [step.end, at[1]])
    },
    async close() {
      await reader?.close()
    },
  }
}

/** Makes items of every record in a range, in order. */
async function readRange<T>(
  reader: PartitionReader,
  [start, stop]: Range,
  make: (record: LogRecord) => readonly T[],
): Promise<T[]> {
  const made: T[] = []
  const bound = { records: stop - start, bytes: limits.chunkBytes }
  for await (const records of readUpTo(reader, start, stop, bound, new AbortController().signal))
    for (const record of records) made.push(...make(record))
  return made
}
