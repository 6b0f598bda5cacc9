import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { EngineError } from '../../base/errors.js'
import type { DeadLetter, DeadLetterFilter, DeadLetterPage } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import type { EventLog } from '../../log/event-log.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { DeadLetterMarks } from './marks.js'
import type { StoredDeadLetter } from '../ground/dead-letter-record.js'
import { deadLetterView, passes } from './view.js'
import { walkBack, walkOn, type Standing, type Walk, type Walked } from './walk.js'

export interface PageSource {
  readonly log: EventLog
  readonly marks: DeadLetterMarks
}

/** A letter with its bytes, copied out of the reader's buffers. */
export interface Found {
  readonly letter: DeadLetter
  readonly stored: StoredDeadLetter
}

const Place = Type.Tuple([Type.Integer({ minimum: 0 }), Type.Union([Type.Integer(), Type.Null()])])
const BackCursor = Type.Object({ back: Type.Record(Type.String(), Place) })
const OnCursor = Type.Object({
  stream: Type.String(),
  partition: Type.Integer(),
  at: Place,
  ends: Type.Array(Type.Integer()),
})
type OnCursor = Static<typeof OnCursor>

const written = (cursor: object): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

function read<Shape extends typeof BackCursor | typeof OnCursor>(shape: Shape, cursor: string): Static<Shape> {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Value.Check(shape, value)) return value
  } catch {
    // Falls through to the refusal: it is no cursor either way.
  }
  throw new EngineError('BAD_REQUEST', 'the cursor is none of these letters; begin without one')
}

/** Where nothing is left of a partition, also of what comes later. */
const over: Standing = [0, -1]

/**
 * One page of letters of some streams, newest first in each partition; partitions are merged by the time of their
 * letters.
 */
export async function pageBack(
  { log, marks }: PageSource,
  streams: readonly CompiledStream[],
  filter: DeadLetterFilter,
  cursor: string | undefined,
  limit: number,
): Promise<DeadLetterPage<DeadLetter>> {
  const budget = { records: limits.deadLetterScan }
  const from = cursor === undefined ? undefined : read(BackCursor, cursor).back
  const walks: Merged[] = []
  try {
    for (const stream of streams)
      for (const partition of partitionsOf(stream, filter)) {
        const name = `${stream.stream.name}/${partition}`
        const topic = { topic: stream.topics.deadLetters, partition }
        const { first, next } = await log.bounds(topic, filter.fromMs)
        const standing = from === undefined ? ([next, null] as const) : (from[name] ?? over)
        const walk = walkBack(log, topic, standing, first, budget, (stored, position) => {
          const letter = deadLetterView(stream, stored, position, marks.stateOf(stream.stream.name, partition, stored))
          return passes(letter, filter) ? letter : undefined
        })
        walks.push({ name, walk, peeked: await walk.next() })
      }
    const items = await merge(walks, limit)
    const left = walks.filter(({ walk, peeked }) => peeked !== undefined || !walk.ended)
    if (left.length === 0) return { items }
    return {
      items,
      next: written({
        back: Object.fromEntries(left.map(({ name, walk, peeked }) => [name, peeked?.before ?? walk.at])),
      }),
    }
  } finally {
    for (const { walk } of walks) await walk.close()
  }
}

interface Merged {
  readonly name: string
  readonly walk: Walk<DeadLetter>
  peeked: Walked<DeadLetter> | undefined
}

/**
 * The newest of what the walks come to, again and again, until the page is full or one of them cannot say what it has
 * next.
 */
async function merge(walks: readonly Merged[], limit: number): Promise<DeadLetter[]> {
  const items: DeadLetter[] = []
  while (items.length < limit && walks.every(({ walk, peeked }) => peeked !== undefined || walk.ended)) {
    let newest: Merged | undefined
    for (const one of walks)
      if (
        one.peeked !== undefined &&
        (newest?.peeked === undefined || one.peeked.item.timeMs > newest.peeked.item.timeMs)
      )
        newest = one
    if (newest?.peeked === undefined) break
    items.push(newest.peeked.item)
    newest.peeked = await newest.walk.next()
  }
  return items
}

/**
 * One page of letters of a stream with their bytes, partition by partition, the oldest first. The first page says where
 * all of them end, so that what comes while they are worked on is none of theirs.
 */
export async function pageOn(
  { log, marks }: PageSource,
  stream: CompiledStream,
  filter: DeadLetterFilter,
  cursor: string | undefined,
  limit: number,
): Promise<DeadLetterPage<Found>> {
  const budget = { records: limits.deadLetterScan }
  const { name } = stream.stream
  const partitions = partitionsOf(stream, filter)
  if (partitions.length === 0)
    throw new EngineError(
      'BAD_REQUEST',
      `stream ${name} has no partition ${String(filter.partition)}; it has ${stream.stream.partitions}`,
    )
  const from: OnCursor =
    cursor === undefined
      ? { stream: name, partition: partitions[0]!, at: [0, null], ends: await endsOf(log, stream) }
      : read(OnCursor, cursor)
  if (from.stream !== name || !partitions.includes(from.partition))
    throw new EngineError('BAD_REQUEST', 'the cursor belongs to another question; begin without one')
  const items: Found[] = []
  let bytes = 0
  for (const partition of partitions.filter((one) => one >= from.partition)) {
    const topic = { topic: stream.topics.deadLetters, partition }
    const { first } = await log.bounds(topic, filter.fromMs)
    const at: Standing = partition === from.partition ? [Math.max(from.at[0], first), from.at[1]] : [first, null]
    const walk = walkOn(log, topic, at, from.ends[partition] ?? 0, budget, (stored, position): Found | undefined => {
      const letter = deadLetterView(stream, stored, position, marks.stateOf(name, partition, stored))
      return passes(letter, filter) ? { letter, stored: copied(stored) } : undefined
    })
    try {
      for (let one = await walk.next(); one !== undefined; one = await walk.next()) {
        bytes += one.item.letter.bytes
        if (items.length === limit || (items.length > 0 && bytes > limits.appendBytes / 2))
          return { items, next: written({ ...from, partition, at: one.before }) }
        items.push(one.item)
      }
      if (!walk.ended) return { items, next: written({ ...from, partition, at: walk.at }) }
    } finally {
      await walk.close()
    }
  }
  return { items }
}

const partitionsOf = ({ stream: { partitions } }: CompiledStream, { partition }: DeadLetterFilter): readonly number[] =>
  Array.from({ length: partitions }, (_, i) => i).filter((one) => partition === undefined || one === partition)

const endsOf = (log: EventLog, { stream, topics }: CompiledStream): Promise<number[]> =>
  Promise.all(
    Array.from(
      { length: stream.partitions },
      async (_, partition) => (await log.bounds({ topic: topics.deadLetters, partition })).next,
    ),
  )

const copied = (letter: StoredDeadLetter): StoredDeadLetter => ({
  ...letter,
  key: letter.key && Buffer.from(letter.key),
  value: letter.value && Buffer.from(letter.value),
  headers: Object.fromEntries(Object.entries(letter.headers).map(([name, value]) => [name, Buffer.from(value)])),
})
