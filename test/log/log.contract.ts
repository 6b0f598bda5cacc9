import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { NewRecord, PartitionReader, TopicPartition } from '../../src/log/event-log.js'
import { groupsContract, type LogUnderTest } from './groups.contract.js'
import { failsWith, never, numbered, readAll, textRecord, texts } from './records.js'

const wide = { records: 1_000, bytes: 1024 * 1024 }

/** What every event log promises. */
export function eventLogContract(name: string, factory: () => Promise<LogUnderTest>): void {
  describe(`${name} as an event log`, () => {
    let under: LogUnderTest
    let log: LogUnderTest['log']
    let at: TopicPartition
    let readers: PartitionReader[] = []
    const reader = (): PartitionReader => {
      const made = log.reader(at)
      readers.push(made)
      return made
    }

    beforeEach(async () => {
      under = await factory()
      log = under.log
      at = { topic: under.topic(), partition: 1 }
      await log.ensure({ topic: at.topic, partitions: 2 })
    })
    afterEach(async () => {
      await Promise.all(readers.map((made) => made.close()))
      readers = []
      await under.close()
    })

    test('an empty partition begins and ends at offset 0', async () => {
      expect(await log.bounds(at)).toEqual({ first: 0, next: 0 })
    })

    test('an existing topic is not changed, and is refused with another number of partitions', async () => {
      await log.append(at, numbered(3))
      await log.ensure({ topic: at.topic, partitions: 2 })
      expect((await log.bounds(at)).next).toBe(3)
      await expect(log.ensure({ topic: at.topic, partitions: 3 })).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
    })

    test('records are read in order, with consecutive offsets', async () => {
      expect(await log.append(at, numbered(3))).toBe(0)
      expect(await log.append(at, numbered(2))).toBe(3)
      const records = await readAll(log, at, 0)
      expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4])
      expect(texts(records)).toEqual(['0', '1', '2', '0', '1'])
    })

    test('keys, values, headers and times are read as they were appended, including null and empty ones', async () => {
      const given: NewRecord[] = [
        { key: null, value: null, timestampMs: 1_700_000_000_000 },
        { key: Buffer.alloc(0), value: Buffer.alloc(0), timestampMs: 1_700_000_000_001 },
        {
          key: Buffer.from('k'),
          value: Buffer.from([0, 255, 128]),
          headers: Object.fromEntries(
            ['trace', 'länge', '__proto__', 'constructor'].map((name) => [name, Buffer.from(name)]),
          ),
          timestampMs: 1_700_000_000_002,
        },
        {
          key: Buffer.from('k'),
          value: Buffer.alloc(300, 7),
          headers: { trace: Buffer.from('def') },
          timestampMs: 1_600_000_000_000,
        },
      ]
      await log.append(at, given)
      const records = await reader().read(0, wide, never)
      expect(
        records.map(({ key, value, headers, timestampMs }) => ({ key, value, headers: { ...headers }, timestampMs })),
      ).toEqual(given.map((record) => ({ headers: {}, ...record })))
    })

    test('a record without a time gets one from the log', async () => {
      const before = Date.now()
      await log.append(at, [textRecord('now')])
      const [record] = await readAll(log, at, 0)
      expect(record!.timestampMs).toBeGreaterThanOrEqual(before)
      expect(record!.timestampMs).toBeLessThanOrEqual(Date.now())
    })

    test('partitions are independent', async () => {
      await log.append(at, [textRecord('one')])
      await log.append({ ...at, partition: 0 }, [textRecord('zero')])
      expect(texts(await readAll(log, at, 0))).toEqual(['one'])
      expect(texts(await readAll(log, { ...at, partition: 0 }, 0))).toEqual(['zero'])
    })

    test('each of several concurrent appends is contiguous, at the offset that it returned', async () => {
      const firsts = await Promise.all(
        ['a', 'b', 'c', 'd', 'e'].map((name) =>
          log.append(at, [textRecord(`${name}0`), textRecord(`${name}1`), textRecord(`${name}2`)]),
        ),
      )
      const all = texts(await readAll(log, at, 0))
      for (const [i, name] of ['a', 'b', 'c', 'd', 'e'].entries())
        expect(all.slice(firsts[i], firsts[i]! + 3)).toEqual([`${name}0`, `${name}1`, `${name}2`])
      expect(all).toHaveLength(15)
    })

    test('a read can start at any offset', async () => {
      await log.append(at, numbered(10))
      await log.append(at, numbered(10))
      const one = reader()
      for (const from of [13, 0, 19, 7]) expect((await one.read(from, wide, never))[0]!.offset).toBe(from)
    })

    test('a read returns at most the requested records and bytes, but always one record', async () => {
      await log.append(at, numbered(10))
      await log.append(at, [textRecord('x'.repeat(5_000)), textRecord('y')])
      const one = reader()
      expect(await one.read(0, { records: 4, bytes: 1_000_000 }, never)).toHaveLength(4)
      expect((await one.read(4, { records: 100, bytes: 60 }, never)).length).toBeLessThan(4)
      expect(texts(await one.read(10, { records: 100, bytes: 1 }, never))).toEqual(['x'.repeat(5_000)])
    })

    test('returned records do not change until the next read', async () => {
      await log.append(at, numbered(2_000))
      const one = reader()
      for (let from = 0; from < 2_000;) {
        const records = await one.read(from, { records: 300, bytes: 1_000_000 }, never)
        await log.append(at, [textRecord('more')])
        expect(texts(records)).toEqual(records.map((_, i) => String(from + i)))
        from = records.at(-1)!.offset + 1
        if (from + 300 > 2_000) break
      }
    })

    test('a reader at the end waits for the next record', async () => {
      await log.append(at, numbered(2))
      const one = reader()
      const waiting = one.read(2, wide, never)
      await log.append(at, [textRecord('third')])
      expect(texts(await waiting)).toEqual(['third'])
    })

    test('a waiting reader returns no records when its signal aborts', async () => {
      const stop = new AbortController()
      const waiting = reader().read(0, wide, stop.signal)
      stop.abort()
      expect(await waiting).toEqual([])
      expect(await reader().read(0, wide, stop.signal)).toEqual([])
    })

    test('a read beyond the end fails with LOG_RESET', async () => {
      await log.append(at, numbered(2))
      await expect(reader().read(3, wide, never)).rejects.toEqual(failsWith('LOG_RESET'))
    })

    test('bounds since a time begin with the first record at or after it', async () => {
      await log.append(
        at,
        [100, 200, 300].map((timestampMs) => textRecord('t', { timestampMs })),
      )
      await log.append(
        at,
        [400, 500].map((timestampMs) => textRecord('t', { timestampMs })),
      )
      expect(await log.bounds(at, 0)).toEqual({ first: 0, next: 5 })
      expect(await log.bounds(at, 200)).toEqual({ first: 1, next: 5 })
      expect(await log.bounds(at, 201)).toEqual({ first: 2, next: 5 })
      expect(await log.bounds(at, 450)).toEqual({ first: 4, next: 5 })
      expect(await log.bounds(at, 501)).toEqual({ first: 5, next: 5 })
    })
  })
  groupsContract(name, factory)
}
