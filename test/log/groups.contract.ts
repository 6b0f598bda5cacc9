import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Assignment, ConsumerGroups, EventLog, LogRecord, TopicPartition } from '../../src/log/event-log.js'
import { numbered, textRecord, texts } from './records.js'

/** A fresh log of one adapter; `topic` gives names that no other test uses. */
export interface LogUnderTest {
  readonly log: EventLog & ConsumerGroups
  topic(): string
  close(): Promise<void>
}

const wide = { records: 1_000, bytes: 1024 * 1024 }

/** Work that passes all records on until it is revoked. */
const collect =
  (into: (at: TopicPartition, records: readonly LogRecord[]) => void | Promise<void>) =>
  async (assignment: Assignment): Promise<void> => {
    const { topic, partition, reader, revoked } = assignment
    for (let from = 0; !revoked.aborted;) {
      const records = await reader.read(from, wide, revoked)
      if (records.length === 0) continue
      await into({ topic, partition }, records)
      from = records.at(-1)!.offset + 1
      await assignment.commit(from)
    }
  }

/** What the consumer groups of every event log promise. */
export function groupsContract(name: string, factory: () => Promise<LogUnderTest>): void {
  describe(`the consumer groups of ${name}`, () => {
    let under: LogUnderTest
    let log: LogUnderTest['log']
    let at: TopicPartition

    beforeEach(async () => {
      under = await factory()
      log = under.log
      at = { topic: under.topic(), partition: 1 }
      await log.ensure({ topic: at.topic, partitions: 2 })
    })
    afterEach(() => under.close())

    test('one member of a group gets every partition', async () => {
      const seen = new Map<number, (string | undefined)[]>()
      const member = await log.join(
        'alone',
        [at.topic],
        collect((place, records) => void seen.set(place.partition, texts(records))),
      )
      await log.append(at, [textRecord('one')])
      await log.append({ ...at, partition: 0 }, [textRecord('zero')])
      await expect.poll(() => [seen.get(0), seen.get(1)], { timeout: 30_000 }).toEqual([['zero'], ['one']])
      await member.leave()
    })

    test('two members share the partitions, and the remaining one takes over', async () => {
      const owners = new Map<number, string>()
      const running = new Map<number, number>()
      let most = 0
      const work =
        (who: string) =>
        async ({ partition, revoked }: Assignment): Promise<void> => {
          running.set(partition, (running.get(partition) ?? 0) + 1)
          most = Math.max(most, running.get(partition)!)
          owners.set(partition, who)
          await new Promise<void>((resolve) => revoked.addEventListener('abort', () => resolve(), { once: true }))
          running.set(partition, running.get(partition)! - 1)
        }
      const ann = await log.join('pair', [at.topic], work('ann'))
      const bob = await log.join('pair', [at.topic], work('bob'))
      await expect.poll(() => [...owners.values()].sort(), { timeout: 30_000 }).toEqual(['ann', 'bob'])
      await ann.leave()
      await expect.poll(() => [...owners.values()], { timeout: 30_000 }).toEqual(['bob', 'bob'])
      await bob.leave()
      expect(most).toBe(1)
      expect([...running.values()]).toEqual([0, 0])
    })

    test('leaving waits for work in flight', async () => {
      let finish: () => void = () => undefined
      let hasStarted = false
      const finished = new Promise<void>((resolve) => (finish = resolve))
      const member = await log.join('slow', [at.topic], async ({ partition }) => {
        if (partition === 0) return
        hasStarted = true
        await finished
      })
      await expect.poll(() => hasStarted, { timeout: 30_000 }).toBe(true)
      let hasLeft = false
      const leaving = member.leave().then(() => (hasLeft = true))
      await log.append(at, numbered(1))
      expect(hasLeft).toBe(false)
      finish()
      await leaving
    })

    test('failed work rejects its membership', async () => {
      const member = await log.join('broken', [at.topic], ({ partition }) =>
        partition === 1 ? Promise.reject(new Error('no more')) : Promise.resolve(),
      )
      await expect(member.failed).rejects.toThrow('no more')
      await member.leave()
    })

    test('the lag of a group is the difference between its commits and the end', async () => {
      await log.append(at, numbered(5))
      const member = await log.join('lagging', [at.topic], async (assignment) => {
        if (assignment.partition === 1) await assignment.commit(3)
        await new Promise<void>((resolve) =>
          assignment.revoked.addEventListener('abort', () => resolve(), { once: true }),
        )
      })
      await expect
        .poll(async () => (await log.lag('lagging')).filter(({ partition }) => partition === 1), { timeout: 30_000 })
        .toEqual([{ topic: at.topic, partition: 1, committed: 3, next: 5 }])
      await member.leave()
    })
  })
}
