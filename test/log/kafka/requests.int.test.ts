import { createRequire } from 'node:module'
import { expect, onTestFinished, test, vi } from 'vitest'
import { kafkaForTests } from './broker.js'
import { never, textRecord, texts } from '../records.js'

type Send = (request: { readonly request: { readonly apiName: string } }) => Promise<unknown>
/** Every request to a broker passes through here. */
const connections = createRequire(import.meta.url)('kafkajs/src/network/connectionPool') as {
  readonly prototype: { send: Send }
}

const broker = kafkaForTests()
const partitions = [0, 1, 2, 3]
const bound = { records: 100, bytes: 1024 * 1024 }

/** Counts what goes to brokers from now on, by the protocol's word. */
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

test('partitions that are written and read in step share their requests, and every record comes', async () => {
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
  // One by one they would be four times as many.
  expect(counts['Produce']).toBeLessThan(1.5 * rounds)
  expect(counts['Fetch']).toBeLessThan(2 * rounds)

  async function append(round: number): Promise<void> {
    await Promise.all(
      partitions.map((partition) => log.append({ topic, partition }, [textRecord(`${round} of ${partition}`)])),
    )
  }
})

test('a reader that waits for news holds up no other', async () => {
  const log = await broker.open()
  const topic = broker.topic()
  await log.ensure({ topic, partitions: 2 })
  const [quiet, busy] = [log.reader({ topic, partition: 0 }), log.reader({ topic, partition: 1 })]
  const waiting = quiet.read(0, bound, never)
  // Held up, each round would take the half second of a wait.
  const rounds = 200
  for (let round = 0; round < rounds; round++) {
    await log.append({ topic, partition: 1 }, [textRecord(String(round))])
    expect(texts(await busy.read(round, bound, never))).toEqual([String(round)])
  }
  await log.append({ topic, partition: 0 }, [textRecord('at last')])
  expect(texts(await waiting)).toEqual(['at last'])
})
