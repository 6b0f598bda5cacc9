import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { EngineError } from '../../base/errors.js'
import type { DeadLetter, DeadLetterFilter, DeadLetterPage } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import type { EventLog } from '../../log/event-log.js'
import { copiedAllHeaders, copiedHeaders } from '../../log/headers.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { DeadLetterMarks } from './marks.js'
import type { StoredDeadLetter } from '../ground/dead-letter-record.js'
import { deadLetterView, passes } from './view.js'
import { walkNewestFirst, walkOldestFirst, type Walk, type Walked, type WalkPlace } from './walk.js'

export interface PageSource {
  readonly log: EventLog
  readonly marks: DeadLetterMarks
}

/** A dead letter with its bytes, copied out of the reader's buffers. */
export interface Found {
  readonly deadLetter: DeadLetter
  readonly stored: StoredDeadLetter
}

const Place = Type.Tuple([Type.Integer({ minimum: 0 }), Type.Union([Type.Integer(), Type.Null()])])
const NewestFirstCursor = Type.Object({ back: Type.Record(Type.String(), Place) })
const OldestFirstCursor = Type.Object({
  stream: Type.String(),
  partition: Type.Integer(),
  at: Place,
  ends: Type.Array(Type.Integer()),
})
type OldestFirstCursor = Static<typeof OldestFirstCursor>

const written = (cursor: object): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

function read<Shape extends typeof NewestFirstCursor | typeof OldestFirstCursor>(
  shape: Shape,
  cursor: string,
): Static<Shape> {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (Value.Check(shape, value)) return value
  } catch {
    // Not JSON: refused below, like JSON of another shape.
  }
  throw new EngineError('BAD_REQUEST', 'this is no cursor of a list of dead letters; begin without one')
}

/** The place in a partition of which no page has anything more. Dead letters that come later do not change that. */
const exhausted: WalkPlace = [0, -1]

/**
 * One page of dead letters of some streams, newest first in each partition; the partitions are merged by the time of
 * their dead letters.
 */
export async function pageNewestFirst(
  { log, marks }: PageSource,
  streams: readonly CompiledStream[],
  filter: DeadLetterFilter,
  cursor: string | undefined,
  limit: number,
): Promise<DeadLetterPage<DeadLetter>> {
  const budget = { records: limits.deadLetterScan }
  const from = cursor === undefined ? undefined : read(NewestFirstCursor, cursor).back
  const walks: Merged[] = []
  try {
    for (const stream of streams)
      for (const partition of partitionsOf(stream, filter)) {
        const name = `${stream.stream.name}/${partition}`
        const topic = { topic: stream.topics.deadLetters, partition }
        const { first, next } = await log.bounds(topic, filter.fromMs)
        const place = from === undefined ? ([next, null] as const) : (from[name] ?? exhausted)
        const walk = walkNewestFirst(log, topic, place, first, budget, (stored, position) => {
          const state = marks.stateOf(stream.stream.name, partition, stored)
          const deadLetter = deadLetterView(stream, stored, position, state)
          return passes(deadLetter, filter) ? deadLetter : undefined
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

/** Takes the newest of all walks until the page is full, or until the budget of a walk ends before its next item. */
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
 * One page of dead letters of a stream with their bytes, partition by partition, the oldest first. The first page fixes
 * the end of every partition, so that dead letters that come later are on no page.
 */
export async function pageOldestFirst(
  { log, marks }: PageSource,
  stream: CompiledStream,
  filter: DeadLetterFilter,
  cursor: string | undefined,
  limit: number,
): Promise<DeadLetterPage<Found>> {
  const budget = { records: limits.deadLetterScan }
  const { name } = stream.stream
  const partitions = partitionsOf(stream, filter)
  const from = await startOf(log, stream, filter, partitions, cursor)
  const items: Found[] = []
  let bytes = 0
  for (const partition of partitions.filter((one) => one >= from.partition)) {
    const topic = { topic: stream.topics.deadLetters, partition }
    const { first } = await log.bounds(topic, filter.fromMs)
    const at: WalkPlace = partition === from.partition ? [Math.max(from.at[0], first), from.at[1]] : [first, null]
    const end = from.ends[partition] ?? 0
    const walk = walkOldestFirst(log, topic, at, end, budget, (stored, position): Found | undefined => {
      const deadLetter = deadLetterView(stream, stored, position, marks.stateOf(name, partition, stored))
      return passes(deadLetter, filter) ? { deadLetter, stored: copied(stored) } : undefined
    })
    try {
      for (let one = await walk.next(); one !== undefined; one = await walk.next()) {
        bytes += one.item.deadLetter.bytes
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

/** Where a page begins. BAD_REQUEST for a partition that the stream does not have, or the cursor of another list. */
async function startOf(
  log: EventLog,
  stream: CompiledStream,
  filter: DeadLetterFilter,
  partitions: readonly number[],
  cursor: string | undefined,
): Promise<OldestFirstCursor> {
  const { name, partitions: count } = stream.stream
  const [first] = partitions
  if (first === undefined)
    throw new EngineError('BAD_REQUEST', `stream ${name} has no partition ${String(filter.partition)}; it has ${count}`)
  if (cursor === undefined) return { stream: name, partition: first, at: [0, null], ends: await endsOf(log, stream) }
  const from = read(OldestFirstCursor, cursor)
  if (from.stream !== name || !partitions.includes(from.partition))
    throw new EngineError('BAD_REQUEST', 'the cursor belongs to another stream or partition; begin without one')
  return from
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

const copied = (stored: StoredDeadLetter): StoredDeadLetter => ({
  ...stored,
  key: stored.key && Buffer.from(stored.key),
  value: stored.value && Buffer.from(stored.value),
  headers: copiedHeaders(stored.headers),
  ...copiedAllHeaders(stored),
})
