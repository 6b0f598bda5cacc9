import { expect, test } from 'vitest'
import type { Assignment, TopicPartition } from '../../../src/log/event-log.js'
import { kafkaForTests } from './broker.js'
import { failsWith, never, readAll, textRecord, texts } from '../records.js'

const broker = kafkaForTests()
const bound = { records: 1_000, bytes: 1024 * 1024 }

/** Continues from its own position in every assignment, as an owner with a state store does. */
const collect =
  (into: string[]) =>
  async ({ reader, revoked }: Assignment): Promise<void> => {
    while (!revoked.aborted) into.push(...texts(await reader.read(into.length, bound, revoked)).map(String))
  }

test('after a broker was killed and restarted, appends are stored once, and readers and members continue', async () => {
  const log = await broker.open()
  const at: TopicPartition = { topic: broker.topic(), partition: 0 }
  await log.ensure({ topic: at.topic, partitions: 1 })
  const read: string[] = []
  const member = await log.join('survivors', [at.topic], collect(read))
  const outside = log.reader(at)
  await log.append(at, [textRecord('before')])
  await expect.poll(() => read, { timeout: 30_000 }).toEqual(['before'])
  const waiting = outside.read(1, bound, never)

  await broker.stop('SIGKILL')
  const appending = log.append(at, [textRecord('during')]).catch(() => log.append(at, [textRecord('during')]))
  await broker.restart()

  await appending
  expect(texts(await waiting)).toEqual(['during'])
  await expect.poll(() => read, { timeout: 30_000 }).toEqual(['before', 'during'])
  await log.append(at, [textRecord('after')])
  await expect.poll(() => read, { timeout: 30_000 }).toEqual(['before', 'during', 'after'])
  expect(texts(await readAll(log, at, 0))).toEqual(['before', 'during', 'after'])
  await member.leave()
})

test('the membership fails when a broker accepts connections but never answers', async () => {
  const log = await broker.open({ timeoutMs: 500 })
  const at: TopicPartition = { topic: broker.topic(), partition: 0 }
  await log.ensure({ topic: at.topic, partitions: 1 })
  const read: string[] = []
  const member = await log.join('watched', [at.topic], collect(read))
  await log.append(at, [textRecord('one')])
  await expect.poll(() => read, { timeout: 30_000 }).toEqual(['one'])
  broker.freeze()
  await expect(member.failed).rejects.toEqual(failsWith('LOG_DOWN'))
})
