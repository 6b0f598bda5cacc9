import { readLong } from './records/batch.js'
import type { Aborted } from './records/batch.js'
import { BrokerFault } from './faults.js'
import type { Offset, TopicPartition } from '../event-log.js'

/** One request of Kafka's protocol, and the parser of its answer. */
export interface Request<T> {
  readonly name: string
  readonly key: number
  readonly version: number
  readonly body: Buffer
  /** The broker may delay its answer for this long. */
  readonly waitMs: number
  /** Where the answer contains its throttle time (quotas): at its beginning or at its end. */
  readonly throttleAt: 'start' | 'end'
  readonly parse: (answer: Buffer) => T
}

function longBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), 0)
  bytes.writeUInt32BE(value >>> 0, 4)
  return bytes
}
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
export const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])

const readCommitted = Buffer.from([1])
const one = int32(1)
const none = int32(-1)

/** The part of a request that lists topics, and for each topic its partitions. */
function byTopic<T extends { readonly at: TopicPartition }>(
  all: readonly T[],
  encode: (one: T) => readonly Buffer[],
): Buffer[] {
  const topics = new Map<string, T[]>()
  for (const one of all) topics.set(one.at.topic, [...(topics.get(one.at.topic) ?? []), one])
  return [
    int32(topics.size),
    ...[...topics].flatMap(([topic, some]) => [text(topic), int32(some.length), ...some.flatMap(encode)]),
  ]
}

/**
 * Reads an answer's topics and partitions from position `at`. `read` gets the position after a partition's number and
 * returns the position after that partition.
 */
function eachPartition(answer: Buffer, at: number, read: (key: string, at: number) => number): void {
  const topics = answer.readInt32BE(at)
  at += 4
  for (let i = 0; i < topics; i++) {
    const nameEnd = at + 2 + answer.readInt16BE(at)
    const topic = answer.toString('utf8', at + 2, nameEnd)
    const partitions = answer.readInt32BE(nameEnd)
    at = nameEnd + 4
    for (let j = 0; j < partitions; j++) at = read(`${topic}/${answer.readInt32BE(at)}`, at + 4)
  }
}

/** The parts of an answer in the order of the request. A broker that omits one breaks the protocol. */
const inOrder = <T>(all: readonly { readonly at: TopicPartition }[], answers: ReadonlyMap<string, T>): T[] =>
  all.map(({ at: { topic, partition } }) => {
    const answer = answers.get(`${topic}/${partition}`)
    if (answer === undefined) throw new Error(`the broker's answer leaves ${topic}/${partition} out`)
    return answer
  })

/** One partition of a fetch. */
export interface Asked {
  readonly at: TopicPartition
  readonly from: Offset
}

export interface Fetched {
  readonly error: number
  /** Committed records end before this offset. */
  readonly end: Offset
  readonly aborted: readonly Aborted[]
  readonly records: Buffer
}

/**
 * Fetch (version 11) of different partitions, committed records only. The broker answers when it has at least one byte
 * for any of them. The results are in the order of `asked`.
 */
export const fetchRequest = (
  asked: readonly Asked[],
  { bytes, waitMs }: { readonly bytes: number; readonly waitMs: number },
): Request<readonly Fetched[]> => ({
  name: 'Fetch',
  key: 1,
  version: 11,
  waitMs,
  throttleAt: 'start',
  body: Buffer.concat([
    none,
    int32(waitMs),
    one,
    int32(bytes * asked.length),
    readCommitted,
    int32(0),
    none, // no fetch session: each request is complete
    ...byTopic(asked, ({ at, from }) => [int32(at.partition), none, longBytes(from), longBytes(-1), int32(bytes)]),
    int32(0),
    text(''),
  ]),
  parse(answer) {
    const error = answer.readInt16BE(4)
    if (error !== 0) throw new BrokerFault(error, 'a fetch')
    const fetched = new Map<string, Fetched>()
    // throttle 4, error 2, session 4
    eachPartition(answer, 10, (key, at) => {
      // error 2, high watermark 8, last stable offset 8, log start 8
      const [partitionError, end] = [answer.readInt16BE(at), readLong(answer, at + 10)]
      at += 26
      const count = answer.readInt32BE(at)
      at += 4
      const aborted: Aborted[] = []
      for (let i = 0; i < count; i++, at += 16)
        aborted.push({ producer: readLong(answer, at), first: readLong(answer, at + 8) })
      // preferred replica 4, length 4
      const from = at + 8
      const to = from + Math.max(0, answer.readInt32BE(at + 4))
      fetched.set(key, { error: partitionError, end, aborted, records: ownPart(answer, from, to) })
      return to
    })
    return inOrder(asked, fetched)
  },
})

/** A copy, unless the part is at least half of the answer: a part keeps at most twice its own size in memory. */
const ownPart = (answer: Buffer, from: number, to: number): Buffer =>
  2 * (to - from) < answer.length ? Buffer.from(answer.subarray(from, to)) : answer.subarray(from, to)

/** One partition's part of an append. */
export interface Produced {
  readonly at: TopicPartition
  readonly batch: Buffer
}

/**
 * Produce (version 7) of one batch for each of different partitions, acknowledged by all in-sync replicas. Returns in
 * their order the first offset of each batch, or its fault.
 */
export const produceRequest = (
  produced: readonly Produced[],
  timeoutMs: number,
): Request<readonly (Offset | BrokerFault)[]> => ({
  name: 'Produce',
  key: 0,
  version: 7,
  waitMs: timeoutMs,
  throttleAt: 'end',
  body: Buffer.concat([
    int16(-1),
    int16(-1),
    int32(timeoutMs),
    ...byTopic(produced, ({ at, batch }) => [int32(at.partition), int32(batch.length), batch]),
  ]),
  parse(answer) {
    const results = new Map<string, Offset | BrokerFault>()
    eachPartition(answer, 0, (key, at) => {
      const error = answer.readInt16BE(at)
      results.set(key, error === 0 ? readLong(answer, at + 2) : new BrokerFault(error, key))
      // error 2, first offset 8, append time 8, log start 8
      return at + 26
    })
    return inOrder(produced, results)
  },
})
