import { strict as assert } from 'node:assert'
import kafkajs from 'kafkajs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { trackProgress } from '../../../src/consumers/warehouse/tracker.js'
import { countRecords } from '../../../src/log/count-records.js'
import type { KafkaLog } from '../../../src/log/kafka/log.js'
import type { TopicPartition } from '../../../src/log/event-log.js'
import { kafkaForTests } from './broker.js'

const broker = kafkaForTests()
const patience = { timeout: 30_000 }
const bound = { records: 100, bytes: 1 << 20 }

/** Runs transactions one after another. The broker writes a marker after the records of each. */
async function transact(at: TopicPartition, ...some: readonly (readonly [end: 'commit' | 'abort', records: number])[]) {
  const kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING })
  const producer = kafka.producer({
    transactionalId: at.topic,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  for (const [end, records] of some) {
    const transaction = await producer.transaction()
    const messages = Array.from({ length: records }, (_, i) => ({ partition: at.partition, value: `${end}-${i}` }))
    await transaction.send({ topic: at.topic, messages })
    await transaction[end]()
  }
  await producer.disconnect()
}

/** A member that reads a topic and commits after every read, as the flows of the engine do. */
async function member(log: KafkaLog, topic: string, taken: string[] = []) {
  const membership = await log.join(topic, [topic], async ({ reader, revoked, commit }) => {
    for (let next = 0; !revoked.aborted;) {
      const records = await reader.read(next, bound, revoked)
      if (records.length === 0) continue
      taken.push(...records.map(({ value }) => value!.toString()))
      next = records.at(-1)!.offset + 1
      await commit(next)
    }
  })
  onTestFinished(() => membership.leave())
  return membership
}

const lagOf = async (log: KafkaLog, group: string): Promise<number> =>
  (await log.lag(group)).reduce((sum, { committed, next }) => sum + next - committed, 0)

async function topicOf(log: KafkaLog): Promise<TopicPartition> {
  const topic = broker.topic()
  await log.ensure({ topic, partitions: 1 })
  return { topic, partition: 0 }
}

const endsAt = (log: KafkaLog, at: TopicPartition, next: number) =>
  expect.poll(async () => (await log.bounds(at)).next, patience).toBe(next)

describe('a group reaches a lag of 0', () => {
  test('behind records, markers and aborted transactions that were there before it', async () => {
    const log = await broker.open()
    const at = await topicOf(log)
    await transact(at, ['commit', 2], ['abort', 2], ['commit', 1], ['abort', 1])
    await endsAt(log, at, 10)
    const taken: string[] = []
    await member(log, at.topic, taken)
    await expect.poll(() => lagOf(log, at.topic), patience).toBe(0)
    assert.deepEqual(taken, ['commit-0', 'commit-1', 'commit-0'])
  })

  test('behind a partition that never held a record that can be read', async () => {
    const log = await broker.open()
    const at = await topicOf(log)
    await transact(at, ['abort', 3])
    await endsAt(log, at, 4)
    await member(log, at.topic)
    await expect.poll(() => lagOf(log, at.topic), patience).toBe(0)
  })

  test('behind markers that come after its last commit', async () => {
    const log = await broker.open()
    const at = await topicOf(log)
    await log.append(at, [{ key: null, value: Buffer.from('plain') }])
    await member(log, at.topic)
    await expect.poll(() => lagOf(log, at.topic), patience).toBe(0)
    await transact(at, ['abort', 2], ['abort', 1])
    await endsAt(log, at, 6)
    await expect.poll(() => lagOf(log, at.topic), patience).toBe(0)
  })

  test('and records of an open transaction count when it is committed', async () => {
    const log = await broker.open()
    const at = await topicOf(log)
    const kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING })
    const producer = kafka.producer({ transactionalId: at.topic, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: at.topic, messages: [{ partition: 0, value: 'open' }] })
    assert.equal((await log.bounds(at)).next, 0)
    await transaction.commit()
    await producer.disconnect()
    await endsAt(log, at, 2)
    const taken: string[] = []
    await member(log, at.topic, taken)
    await expect.poll(() => lagOf(log, at.topic), patience).toBe(0)
    assert.deepEqual(taken, ['open'])
  })
})

test('records are counted, and offsets without a record are not', async () => {
  const log = await broker.open()
  const at = await topicOf(log)
  await transact(at, ['commit', 2], ['abort', 2])
  await endsAt(log, at, 6)
  const counts = [0, 1, 2, 6].map((from) => countRecords(log, at, { from, to: 6 }))
  assert.deepEqual(await Promise.all(counts), [2, 1, 0, 0])
  assert.equal(await countRecords(log, at, { from: 0, to: 5_000 }), 5_000, 'a large lag is not read')
})

test('the progress of the warehouse reaches the end behind markers', async () => {
  const log = await broker.open()
  const at = await topicOf(log)
  await transact(at, ['commit', 1], ['abort', 2])
  await endsAt(log, at, 5)
  const tracker = trackProgress({
    warehouse: { insert: () => Promise.resolve(), query: () => Promise.resolve([]) } as never,
    clock: systemClock,
    log,
    stopping: AbortSignal.abort(),
    onRetry: () => undefined,
    onWritten: () => undefined,
  })
  const reader = log.reader(at)
  const revoked = new AbortController()
  const mark = { table: 'events' as const, ...at, next: 0, covered: -1, epoch: 0, writtenAtMs: 0 }
  const progress = tracker.start(mark, revoked.signal, (from) => reader.skip?.(from) ?? from)
  const records = await reader.read(0, bound, revoked.signal)
  progress.stored({ ...mark, next: records.at(-1)!.offset + 1 })
  // The flow waits for the next record; meanwhile its reader passes what is no record.
  const waiting = reader.read(records.at(-1)!.offset + 1, bound, revoked.signal)
  await tracker.reached([{ ...at, next: 5 }])
  await expect.poll(() => tracker.lagRecords(), patience).toBe(0)
  revoked.abort()
  await waiting
})
