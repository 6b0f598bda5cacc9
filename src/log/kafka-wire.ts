import { readLong } from './kafka-batch.js'
import type { Aborted } from './kafka-batch.js'
import { BrokerFault } from './kafka-faults.js'
import type { Offset, TopicPartition } from './event-log.js'

/** One request of Kafka's protocol, and how its answer reads. */
export interface Request<T> {
  readonly name: string
  readonly key: number
  readonly version: number
  readonly body: Buffer
  /** The broker may hold its answer back for this long. */
  readonly waitMs: number
  /** Where the answer says how long to stay silent (quotas): at its beginning or at its end. */
  readonly throttleAt: 'start' | 'end'
  readonly parse: (answer: Buffer) => T
}

function longBytes(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), 0)
  bytes.writeUInt32BE(value >>> 0, 4)
  return bytes
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])

const readCommitted = Buffer.from([1])
const one = int32(1)
const none = int32(-1)

export interface FetchOptions {
  readonly from: Offset
  readonly bytes: number
  readonly waitMs: number
}

export interface Fetched {
  readonly error: number
  /** What may be read ends before this offset. */
  readonly end: Offset
  readonly aborted: readonly Aborted[]
  readonly records: Buffer
}

/** Fetch (version 11) of one partition, of committed records only, answered when there is at least one byte. */
export const fetchRequest = ({ topic, partition }: TopicPartition, { from, bytes, waitMs }: FetchOptions): Request<Fetched> => ({
  name: 'Fetch',
  key: 1,
  version: 11,
  waitMs,
  throttleAt: 'start',
  body: Buffer.concat([
    none, int32(waitMs), one, int32(bytes), readCommitted,
    int32(0), none, // no fetch session: each question stands for itself
    one, text(topic), one, int32(partition), none, longBytes(from), longBytes(-1), int32(bytes),
    int32(0), text(''),
  ]),
  parse(answer) {
    const error = answer.readInt16BE(4)
    if (error !== 0) throw new BrokerFault(error, `${topic}/${partition}`)
    // throttle 4, error 2, session 4, one topic 4, its name, one partition 4, its number 4
    let at = 14 + 2 + answer.readInt16BE(14) + 8
    const partitionError = answer.readInt16BE(at)
    // error 2, high watermark 8, last stable offset 8, log start 8
    const end = readLong(answer, at + 10)
    at += 26
    const count = answer.readInt32BE(at)
    at += 4
    const aborted: Aborted[] = []
    for (let i = 0; i < count; i++, at += 16) aborted.push({ producer: readLong(answer, at), first: readLong(answer, at + 8) })
    // preferred replica 4
    const bytes = answer.readInt32BE(at + 4)
    return { error: partitionError, end, aborted, records: answer.subarray(at + 8, at + 8 + Math.max(0, bytes)) }
  },
})

/** Produce (version 7) of one batch, acknowledged by all replicas in sync. Resolves with the first offset. */
export const produceRequest = ({ topic, partition }: TopicPartition, batch: Buffer, timeoutMs: number): Request<Offset> => ({
  name: 'Produce',
  key: 0,
  version: 7,
  waitMs: timeoutMs,
  throttleAt: 'end',
  body: Buffer.concat([int16(-1), int16(-1), int32(timeoutMs), one, text(topic), one, int32(partition), int32(batch.length), batch]),
  parse(answer) {
    // one topic 4, its name, one partition 4, its number 4
    const at = 4 + 2 + answer.readInt16BE(4) + 8
    const error = answer.readInt16BE(at)
    if (error !== 0) throw new BrokerFault(error, `${topic}/${partition}`)
    return readLong(answer, at + 2)
  },
})
