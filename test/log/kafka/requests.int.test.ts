import { createRequire } from 'node:module'
import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import type { TopicPartition } from '../../../src/log/event-log.js'
import { send } from '../../../src/log/kafka/broker.js'
import { encodeBatch } from '../../../src/log/kafka/records/encode.js'
import { KafkaLink } from '../../../src/log/kafka/link.js'
import { produceRequest } from '../../../src/log/kafka/wire.js'
import { kafkaForTests } from './broker.js'
import { never, numbered, textRecord, texts } from '../records.js'

type Send = (request: { readonly request: { readonly apiName: string } }) => Promise<unknown>
/** Every request to a broker passes through here. */
const connections = createRequire(import.meta.url)('kafkajs/src/network/connectionPool') as {
  readonly prototype: { send: Send }
}

const broker = kafkaForTests()
const partitions = [0, 1, 2, 3]
const bound = { records: 100, bytes: 1024 * 1024 }

/** Counts the requests to brokers from now on, by their name in the protocol. */
function countRequests(): Record<string, number> {
  const counts: Record<string, number> = {}
  const { send: original } = connections.prototype
  const send = vi.spyOn(connections.prototype, 'send').mockImplementation(function (this: unknown, request) {
    counts[request.request.apiName] = (counts[request.request.apiName] ?? 0) + 1
    return original.call(this as typeof connections.prototype, request)
  })
  onTestFinished(() => send.mockRestore())
  return counts
}

test('partitions that are written and read in step share requests, and every record arrives', async () => {
  const log = await broker.open()
  const topic = broker.topic()
  await log.ensure({ topic, partitions: partitions.length })
  const readers = partitions.map((partition) => log.reader({ topic, partition }))
  const rounds = 30
  for (let round = 0; round < 2; round++) await append(round)
  const counts = countRequests()
  for (let round = 0; round < rounds; round++) {
    const [read] = await Promise.all([
      Promise.all(readers.map((reader) => reader.read(round, { ...bound, records: 1 }, never))),
      append(round + 2),
    ])
    expect(read.map(texts)).toEqual(partitions.map((partition) => [`${round} of ${partition}`]))
  }
  // Separate requests would be four times as many.
  expect(counts['Produce']).toBeLessThan(1.5 * rounds)
  expect(counts['Fetch']).toBeLessThan(2 * rounds)

  async function append(round: number): Promise<void> {
    await Promise.all(
      partitions.map((partition) => log.append({ topic, partition }, [textRecord(`${round} of ${partition}`)])),
    )
  }
})

test('a reader that waits for new records delays no other reader', async () => {
  const log = await broker.open()
  const topic = broker.topic()
  await log.ensure({ topic, partitions: 2 })
  const [quiet, busy] = [log.reader({ topic, partition: 0 }), log.reader({ topic, partition: 1 })]
  const waiting = quiet.read(0, bound, never)
  // With such a delay each round would take the half second of a wait.
  const rounds = 200
  for (let round = 0; round < rounds; round++) {
    await log.append({ topic, partition: 1 }, [textRecord(String(round))])
    expect(texts(await busy.read(round, bound, never))).toEqual([String(round)])
  }
  await log.append({ topic, partition: 0 }, [textRecord('at last')])
  expect(texts(await waiting)).toEqual(['at last'])
})

test('a batch that is sent again, as after a lost acknowledgement, is stored once', async () => {
  const log = await broker.open()
  const at: TopicPartition = { topic: broker.topic(), partition: 0 }
  await log.ensure({ topic: at.topic, partitions: 1 })
  const link = new KafkaLink({ brokers: [broker.address], clientId: 'again', clock: systemClock })
  onTestFinished(() => link.close())
  const firsts = await link.run(
    'append twice',
    async (wire) => {
      const leader = await wire.leader(at)
      const { producerId, producerEpoch } = await leader.initProducerId({ transactionalId: null })
      const batch = (sequence: number): Buffer =>
        encodeBatch(numbered(3), systemClock.nowMs(), { id: Number(producerId), epoch: producerEpoch, sequence })
      const firsts: unknown[] = []
      for (const sequence of [0, 0, 3, 3])
        firsts.push(...(await send(leader, produceRequest([{ at, batch: batch(sequence) }], 5_000), 5_000)))
      return firsts
    },
    { outages: 'count' },
  )
  expect(firsts).toEqual([0, 0, 3, 3])
  expect((await log.bounds(at)).next).toBe(6)
})
