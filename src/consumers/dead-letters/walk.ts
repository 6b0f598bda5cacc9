import { limits } from '../../base/limits.js'
import type { EventLog, LogRecord, Offset, PartitionReader, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import { readDeadLetter, type StoredDeadLetter } from '../ground/dead-letter-record.js'

/** How many more records one question may look at. */
export interface Budget {
  records: number
}

/**
 * Where a walk stands: the next position among the dead letters, and the offset of the letter that came last; null for
 * none.
 */
export type Standing = readonly [position: Offset, offset: Offset | null]

export interface Walked<Item> {
  readonly item: Item
  /** Where a walk goes on that has not yet come to it. */
  readonly before: Standing
}

export interface Walk<Item> {
  /** The next letter; undefined at the end, or when the budget is spent. */
  next(): Promise<Walked<Item> | undefined>
  /** Where to go on; `ended` when there is nothing more. */
  readonly at: Standing
  readonly ended: boolean
  close(): Promise<void>
}

/** Makes of a letter what is kept of it, or undefined to leave it out. Its buffers are good until it returns. */
export type Take<Item> = (letter: StoredDeadLetter, position: Offset) => Item | undefined

/** Records of one step: more would be read for nothing when a page is full. */
const stepRecords = 256

/**
 * The letters of a partition, each once. After a crash letters may have been written again: what comes later in the
 * walk's direction at an offset that the walk has passed is such a repeat.
 */
export function walkBack<Item>(
  log: EventLog,
  at: TopicPartition,
  from: Standing,
  first: Offset,
  budget: Budget,
  take: Take<Item>,
): Walk<Item> {
  return walk(log, at, from, budget, take, {
    ended: ([position]) => position <= first,
    range: ([position]) => [Math.max(first, position - Math.min(stepRecords, budget.records)), position],
    order: (records) => records.reverse(),
    passed: (offset, last) => last === null || offset < last,
    after: (position) => position,
    end: ([start]) => start,
  })
}

/** As `walkBack`, but the oldest first, up to `end`. */
export function walkOn<Item>(
  log: EventLog,
  at: TopicPartition,
  from: Standing,
  end: Offset,
  budget: Budget,
  take: Take<Item>,
): Walk<Item> {
  return walk(log, at, from, budget, take, {
    ended: ([position]) => position >= end,
    range: ([position]) => [position, Math.min(end, position + Math.min(stepRecords, budget.records))],
    order: (records) => records,
    passed: (offset, last) => last === null || offset > last,
    after: (position) => position + 1,
    end: ([, stop]) => stop,
  })
}

type Range = readonly [start: Offset, stop: Offset]

interface Direction {
  ended(at: Standing): boolean
  range(at: Standing): Range
  order<T>(items: T[]): T[]
  passed(offset: Offset, last: Offset | null): boolean
  after(position: Offset): Offset
  end(range: Range): Offset
}

function walk<Item>(
  log: EventLog,
  topic: TopicPartition,
  from: Standing,
  budget: Budget,
  take: Take<Item>,
  direction: Direction,
): Walk<Item> {
  let at = from
  let reader: PartitionReader | undefined
  /** Of the step that was read last: what is left of it, and where it ends. */
  let step:
    | {
        readonly left: { readonly position: Offset; readonly offset: Offset; readonly item: Item | undefined }[]
        readonly end: Offset
      }
    | undefined

  async function read(): Promise<void> {
    const range = direction.range(at)
    budget.records -= range[1] - range[0]
    reader ??= log.reader(topic)
    const found = await readRange(reader, range, (record) => {
      const letter = readDeadLetter(record)
      return letter === undefined
        ? []
        : [{ position: record.offset, offset: letter.offset, item: take(letter, record.offset) }]
    })
    step = { left: direction.order(found), end: direction.end(range) }
  }

  return {
    async next() {
      for (;;) {
        for (let one = step?.left.shift(); one !== undefined; one = step?.left.shift()) {
          const before = at
          const isNew = direction.passed(one.offset, at[1])
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

/** What is made of every record in a range, in their order. */
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
