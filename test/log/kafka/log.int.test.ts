import kafkajs from 'kafkajs'
import { expect, test } from 'vitest'
import type { Assignment, TopicPartition } from '../../../src/log/event-log.js'
import { limits } from '../../../src/base/limits.js'
import { kafkaForTests } from './broker.js'
import { eventLogContract } from '../log.contract.js'
import { failsWith, never, numbered, readAll, textRecord, texts } from '../records.js'

const broker = kafkaForTests()

eventLogContract('Kafka', async () => {
  const log = await broker.open()
  return { log, topic: broker.topic, close: () => log.close() }
})

const untilRevoked = ({ revoked }: Assignment): Promise<void> =>
  new Promise((resolve) => revoked.addEventListener('abort', () => resolve(), { once: true }))

test('when one of two members leaves, the other keeps its partitions and gets the rest', async () => {
  const log = await broker.open()
  const other = await broker.open()
  const topic = broker.topic()
  await log.ensure({ topic, partitions: 4 })
  const begun: string[] = []
  const held = { ann: new Set<number>(), bob: new Set<number>() }
  const work =
    (who: 'ann' | 'bob') =>
    async (assignment: Assignment): Promise<void> => {
      begun.push(`${who} ${assignment.partition}`)
      held[who].add(assignment.partition)
      await untilRevoked(assignment)
      held[who].delete(assignment.partition)
    }
  const ann = await log.join(topic, [topic], work('ann'))
  await expect.poll(() => held.ann.size).toBe(4)
  const bob = await other.join(topic, [topic], work('bob'))
  await expect.poll(() => [held.ann.size, held.bob.size], { timeout: 30_000 }).toEqual([2, 2])
  const stayed = [...held.ann]
  await bob.leave()
  await expect.poll(() => held.ann.size, { timeout: 30_000 }).toBe(4)
  for (const partition of stayed) expect(begun.filter((one) => one === `ann ${partition}`)).toHaveLength(1)
  await ann.leave()
})

test('a partition moves only when the work on it has ended, and long work costs no member its place', async () => {
  const log = await broker.open({ sessionTimeoutMs: 6_000 })
  const topic = broker.topic()
  await log.ensure({ topic, partitions: 1 })
  const events: string[] = []
  let finish: () => void = () => undefined
  const busy = new Promise<void>((resolve) => (finish = resolve))
  const first = await log.join(topic, [topic], async (assignment) => {
    await untilRevoked(assignment)
    events.push('asked to go')
    await busy
    events.push('gone')
  })
  const second = await log.join(topic, [topic], async (assignment) => {
    events.push('next')
    await untilRevoked(assignment)
  })
  const leaving = first.leave()
  await expect.poll(() => events).toEqual(['asked to go'])
  finish()
  await expect.poll(() => events, { timeout: 30_000 }).toEqual(['asked to go', 'gone', 'next'])
  await leaving
  await second.leave()
})

test('a reader skips the holes of compaction and transaction markers', async () => {
  const log = await broker.open()
  const at: TopicPartition = { topic: broker.topic(), partition: 0 }
  await log.ensure({ topic: at.topic, partitions: 1 })
  const kafka = new kafkajs.Kafka({
    brokers: [broker.address],
    clientId: 'transactions',
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const producer = kafka.producer({
    transactionalId: at.topic,
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  for (const [text, end] of [
    ['kept', 'commit'],
    ['void', 'abort'],
    ['kept too', 'commit'],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic: at.topic, messages: [{ partition: 0, value: text }] })
    await transaction[end]()
  }
  await producer.disconnect()
  // The broker answers a commit before its marker is in the partition.
  await expect.poll(async () => (await log.bounds(at)).next, { timeout: 30_000 }).toBe(6)
  expect(texts(await readAll(log, at, 0)), 'the partition ends with a marker, and the reader reaches the end').toEqual([
    'kept',
    'kept too',
  ])
  expect(await log.reader(at).read(5, { records: 10, bytes: 1_000, until: 6 }, never)).toEqual([])
  await log.append(at, [textRecord('plain')])
  const records = await readAll(log, at, 0)
  expect(records.map(({ offset, value }) => [offset, value?.toString()])).toEqual([
    [0, 'kept'],
    [4, 'kept too'],
    [6, 'plain'],
  ])
})

test('an offset that retention has removed is a GAP', async () => {
  const log = await broker.open()
  const at: TopicPartition = { topic: broker.topic(), partition: 0 }
  await log.ensure({ topic: at.topic, partitions: 1 })
  await log.append(at, numbered(10))
  const admin = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  // kafkajs deletes only in topics whose metadata it has loaded.
  await admin.fetchTopicOffsets(at.topic)
  await admin.deleteTopicRecords({ topic: at.topic, partitions: [{ partition: 0, offset: '4' }] })
  await admin.disconnect()
  expect(await log.bounds(at)).toEqual({ first: 4, next: 10 })
  await expect(log.reader(at).read(3, { records: 10, bytes: 1_000 }, never)).rejects.toEqual(failsWith('GAP'))
  expect(texts(await readAll(log, at, 4))).toEqual(['4', '5', '6', '7', '8', '9'])
})

test('an append of the largest size is stored, and a larger one is refused', async () => {
  const log = await broker.open()
  const at: TopicPartition = { topic: broker.topic(), partition: 0 }
  await log.ensure({ topic: at.topic, partitions: 1 })
  const value = Buffer.alloc(limits.appendBytes - 64, 7)
  expect(await log.append(at, [{ key: null, value }])).toBe(0)
  const [record] = await readAll(log, at, 0)
  expect(record!.value!.equals(value)).toBe(true)
  await expect(log.append(at, [{ key: null, value: Buffer.alloc(limits.appendBytes) }])).rejects.toEqual(
    failsWith('TOO_LARGE'),
  )
})

test('applied topics match their declaration, and keep the settings of operators', async () => {
  const log = await broker.open()
  const [old, fresh, wrong] = [broker.topic(), broker.topic(), broker.topic()]
  await log.ensure({ topic: old, partitions: 1, retentionMs: 1_000_000 })
  await log.ensure({ topic: wrong, partitions: 1 })
  const admin = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  const own = ['cleanup.policy', 'retention.ms', 'max.message.bytes']
  const settings = async (topic: string): Promise<Record<string, string>> => {
    const { resources } = await admin.describeConfigs({
      resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
      includeSynonyms: false,
    })
    return Object.fromEntries(
      resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
    )
  }
  const before = await settings(old)
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: old,
        configEntries: [
          ...own.map((name) => ({ name, value: before[name]! })),
          { name: 'segment.ms', value: '777000' },
        ],
      },
    ],
  })

  const specs = [
    { topic: old, partitions: 1, retentionMs: 2_000_000 },
    { topic: fresh, partitions: 3, isCompacted: true },
  ]
  const plan = await log.planTopics(specs)
  expect(plan).toMatchObject([
    { change: 'set', topic: old, setting: 'retention.ms', from: '1000000', to: '2000000' },
    { change: 'create', topic: fresh, partitions: 3, settings: { 'cleanup.policy': 'compact', 'retention.ms': '-1' } },
  ])
  expect(await log.applyTopics(specs)).toEqual(plan)
  expect(await log.planTopics(specs)).toEqual([])
  expect(await settings(old)).toMatchObject({ 'retention.ms': '2000000', 'segment.ms': '777000' })

  const refused = [
    { topic: broker.topic(), partitions: 1 },
    { topic: wrong, partitions: 2 },
  ]
  expect(await log.planTopics(refused)).toMatchObject([
    { change: 'create' },
    { change: 'refuse', partitions: 1, wanted: 2 },
  ])
  await expect(log.applyTopics(refused)).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
  expect(await admin.listTopics()).not.toContain(refused[0]!.topic)
  await admin.disconnect()
})

test('no message and no log line contains credentials', async () => {
  const logged: string[] = []
  const failing = broker.open({
    sasl: { mechanism: 'scram-sha-256', username: 'ann', password: 'swordfish' },
    timeoutMs: 500,
    report: (...line) => logged.push(JSON.stringify(line)),
  })
  const error = await failing.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toEqual(failsWith('LOG_DOWN'))
  expect(logged.join() + JSON.stringify(error) + String((error as Error).stack)).not.toContain('swordfish')
})

test('a topic or partition that does not exist is a TOPIC_MISMATCH', async () => {
  const log = await broker.open()
  const at: TopicPartition = { topic: broker.topic(), partition: 0 }
  await expect(log.append(at, numbered(1))).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
  await log.ensure({ topic: at.topic, partitions: 1 })
  await expect(log.bounds({ ...at, partition: 1 })).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
})
