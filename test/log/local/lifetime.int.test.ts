import { readdir, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { systemClock } from '../../../src/base/clock.js'
import type { LocalLog } from '../../../src/log/local/log.js'
import { SimulatedDisk } from './simulated-disk.js'
import { openAt, openEvents, place, readerOf, scratch, segmentPath } from './local-log.js'
import { failsWith, numbered, readAll, textRecord, texts } from '../records.js'

const wide = { records: 1_000, bytes: 1_000_000 }
const never = new AbortController().signal
const at = (nowMs: number): Clock => ({ ...systemClock, nowMs: () => nowMs })

test('a log that is opened again continues where it ended', async () => {
  const directory = await scratch()
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    const log = await openEvents(directory)
    expect(log.repairs).toEqual([])
    expect(await log.append(place, [textRecord(name)])).toBe(i)
    await log.close()
  }
  const log = await openAt(directory)
  expect(texts(await readAll(log, place, 0))).toEqual(['a', 'b', 'c'])
  await expect(log.ensure({ topic: 'events', partitions: 4 })).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
})

test('a copied log without the directories of empty partitions accepts records for them', async () => {
  const directory = await scratch()
  await (await openEvents(directory)).close()
  await rmdir(dirname(segmentPath(directory)))
  const log = await openAt(directory)
  expect(await log.append(place, [textRecord('first')])).toBe(0)
  expect(texts(await readAll(log, place, 0))).toEqual(['first'])
})

test('files end at their size, and readers continue across files', async () => {
  const directory = await scratch()
  const log = await openEvents(directory, { segmentBytes: 700 })
  for (let i = 0; i < 20; i++) await log.append(place, numbered(5))
  const names = (await readdir(dirname(segmentPath(directory)))).filter((name) => name.endsWith('.segment'))
  expect(names.length).toBeGreaterThan(2)
  for (const name of names)
    expect((await stat(join(dirname(segmentPath(directory)), name))).size).toBeLessThanOrEqual(700)
  const reader = readerOf(log)
  for (const from of [99, 0, 50, 3])
    expect((await reader.read(from, wide, never)).map(({ offset }) => offset)).toEqual(
      Array.from({ length: 100 - from }, (_, i) => from + i),
    )
})

test('other users cannot read files and directories', async () => {
  const directory = await scratch()
  const log = await openEvents(join(directory, 'log'))
  await log.append(place, numbered(1))
  const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777
  const path = segmentPath(join(directory, 'log'))
  const modes = [await mode(path), await mode(dirname(path)), await mode(join(directory, 'log'))]
  expect(modes.map((bits) => bits & 0o027)).toEqual([0, 0, 0])
})

/** Six records, one per file, with the times 0, 100 ... 500. */
async function aged(directory: string, nowMs: number, retentionMs: number): Promise<LocalLog> {
  const log = await openAt(directory, { segmentBytes: 1, clock: at(nowMs) })
  await log.ensure({ topic: 'events', partitions: 1, retentionMs })
  for (let i = 0; i < 6; i++) await log.append(place, [textRecord(String(i), { timestampMs: 100 * i })])
  return log
}

test('retention removes files whose records are all old, and a reader before them gets a GAP', async () => {
  const directory = await scratch()
  const log = await aged(directory, 700, 450)
  const slow = readerOf(log)
  await slow.read(0, { records: 1, bytes: 1 }, never)
  await log.sweep()
  expect(await log.bounds(place)).toEqual({ first: 3, next: 6 })
  await expect(slow.read(1, wide, never)).rejects.toEqual(failsWith('GAP'))
  expect(texts(await slow.read(3, wide, never))).toEqual(['3', '4', '5'])
  await log.close()
  expect(await (await openAt(directory)).bounds(place)).toEqual({ first: 3, next: 6 })
})

test('an old record after a younger one stays, so no hole appears', async () => {
  const log = await openAt(await scratch(), { segmentBytes: 1, clock: at(1_000) })
  await log.ensure({ topic: 'events', partitions: 1, retentionMs: 500 })
  for (const timestampMs of [100, 900, 200, 950]) await log.append(place, [textRecord('r', { timestampMs })])
  await log.sweep()
  expect(await log.bounds(place)).toEqual({ first: 1, next: 4 })
})

test('when every record is old every record is removed, and offsets continue', async () => {
  const directory = await scratch()
  const log = await aged(directory, 10_000, 1_000)
  await log.sweep()
  expect(await log.bounds(place)).toEqual({ first: 6, next: 6 })
  await log.close()
  const opened = await openAt(directory)
  expect(await opened.append(place, [textRecord('young')])).toBe(6)
  expect(texts(await readAll(opened, place, 6))).toEqual(['young'])
})

test('without a retention nothing is removed, and a retention set later applies', async () => {
  const log = await openAt(await scratch(), { segmentBytes: 1, clock: at(1_000_000) })
  await log.ensure({ topic: 'events', partitions: 1 })
  for (let i = 0; i < 3; i++) await log.append(place, [textRecord('r', { timestampMs: i })])
  await log.sweep()
  expect((await log.bounds(place)).first).toBe(0)
  await log.ensure({ topic: 'events', partitions: 1, retentionMs: 1_000 })
  await log.sweep()
  expect((await log.bounds(place)).first).toBe(3)
})

test('the first record since a time is found across files and with unordered times', async () => {
  const log = await openEvents(await scratch(), { segmentBytes: 500 })
  const times = Array.from({ length: 200 }, (_, i) => 1_000 * i + ((i * 7_919) % 5_000))
  for (const timestampMs of times) await log.append(place, [textRecord('r', { timestampMs })])
  for (const sinceMs of [0, 17_000, 17_001, 99_999, 150_500, 198_000, 300_000]) {
    const found = times.findIndex((time) => time >= sinceMs)
    expect(await log.bounds(place, sinceMs)).toEqual({ first: found < 0 ? 200 : found, next: 200 })
  }
})

test('an append that is too large is refused, and others succeed', async () => {
  const log = await openEvents(await scratch(), { appendBytes: 1_000 })
  await expect(log.append(place, [{ key: null, value: Buffer.alloc(1_001) }])).rejects.toEqual(failsWith('TOO_LARGE'))
  expect(await log.append(place, [{ key: null, value: Buffer.alloc(900) }])).toBe(0)
})

test('unknown topics and partitions are refused', async () => {
  const log = await openEvents(await scratch())
  await expect(log.append({ topic: 'nothing', partition: 0 }, numbered(1))).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
  await expect(log.bounds({ topic: 'events', partition: 1 })).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
  await expect(log.ensure({ topic: '../up', partitions: 1 })).rejects.toEqual(failsWith('TOPIC_MISMATCH'))
})

test('closing finishes the appends and refuses new ones', async () => {
  const directory = await scratch()
  const log = await openEvents(directory)
  const appended = log.append(place, numbered(1))
  await log.close()
  expect(await appended).toBe(0)
  await expect(log.append(place, numbered(1))).rejects.toEqual(failsWith('LOG_DOWN'))
})

test('a reader that waits when the log closes gets LOG_DOWN', async () => {
  const log = await openEvents(await scratch())
  const failure = expect(readerOf(log).read(0, wide, never)).rejects.toEqual(failsWith('LOG_DOWN'))
  await log.close()
  await failure
})

test('an ephemeral log never waits for the disk', async () => {
  const disk = new SimulatedDisk()
  const log = await openEvents('/data', { files: disk })
  await log.append(place, numbered(1))
  expect(disk.flushes).toBe(1)
  const quick = await openEvents(await scratch(), { ephemeral: true })
  expect(await quick.append(place, numbered(3))).toBe(0)
})

test('committed offsets of a group are kept when the log closes', async () => {
  const directory = await scratch()
  const log = await openEvents(directory)
  await log.append(place, numbered(5))
  const member = await log.join('group/with odd name', ['events'], async (assignment) => assignment.commit(4))
  await member.leave()
  await log.close()
  const opened = await openAt(directory)
  expect(await opened.lag('group/with odd name')).toEqual([{ ...place, committed: 4, next: 5 }])
  expect(await opened.lag('nobody')).toEqual([])
})
