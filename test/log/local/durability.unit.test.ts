import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LocalLog } from '../../../src/log/local/log.js'
import { openEvents, place, segmentPath } from './local-log.js'
import { failsWith, readAll, textRecord, texts } from '../records.js'
import { SimulatedDisk } from './simulated-disk.js'

const directory = '/data'
const openOn = (files: SimulatedDisk, segmentBytes = 1_000): Promise<LocalLog> =>
  openEvents(directory, { files, segmentBytes })
const contents = async (log: LocalLog): Promise<(string | undefined)[]> =>
  texts(await readAll(log, place, (await log.bounds(place)).first))

test('appends that arrive during a flush share the next one', async () => {
  const disk = new SimulatedDisk()
  const log = await openOn(disk, 1_000_000)
  await log.append(place, [textRecord('first')])
  const before = disk.flushes
  let others: Promise<number>[] = []
  disk.duringFlush = async () => {
    disk.duringFlush = () => Promise.resolve()
    others = Array.from({ length: 100 }, (_, i) => log.append(place, [textRecord(String(i))]))
  }
  await log.append(place, [textRecord('second')])
  expect(await Promise.all(others)).toEqual(Array.from({ length: 100 }, (_, i) => i + 2))
  expect(disk.flushes - before).toBe(2)
  expect(disk.flushesAtOnce).toBe(1)
})

test('an append resolves when it is flushed and not before', async () => {
  const disk = new SimulatedDisk()
  const log = await openOn(disk)
  let isDurable = false
  let wasEarly = false
  disk.duringFlush = async () => {
    await new Promise((resolve) => setImmediate(resolve))
    wasEarly = isDurable
  }
  await log.append(place, [textRecord('slow')]).then(() => (isDurable = true))
  expect(wasEarly).toBe(false)
})

test('a reader never sees a record that is not flushed', async () => {
  const disk = new SimulatedDisk()
  const log = await openOn(disk)
  const seen: number[] = []
  disk.duringFlush = async () => void seen.push((await log.bounds(place)).next)
  await log.append(place, [textRecord('a')])
  await log.append(place, [textRecord('b')])
  expect(seen).toEqual([0, 1])
})

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sizes: fc.array(fc.nat(150), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail a flush' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fill the disk' as const), room: fc.nat(200) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** Runs the steps and returns the acknowledged values by offset. */
async function live(
  disk: SimulatedDisk,
  steps: readonly Step[],
  acknowledged: Map<number, string>,
  name: string,
): Promise<void> {
  let log = await openOn(disk)
  let count = 0
  for (const todo of steps) {
    disk.capacityBytes = Infinity
    if (todo.do === 'close') {
      await log.close()
      log = await openOn(disk)
    } else if (todo.do === 'append') {
      const batches = todo.sizes.map((size) => [
        textRecord(`${name}-${count++}-${'x'.repeat(size)}`),
        textRecord(`${name}-${count++}`),
      ])
      const appended = await Promise.allSettled(batches.map((records) => log.append(place, records)))
      for (const [i, result] of appended.entries())
        if (result.status === 'fulfilled')
          batches[i]!.forEach(({ value }, n) => acknowledged.set(result.value + n, value!.toString()))
    } else if (todo.do === 'fail a flush') {
      disk.flushesToFail = 1
      await expect(log.append(place, [textRecord(`${name}-lost`)])).rejects.toEqual(failsWith('LOG_DOWN'))
      disk.flushesToFail = 0
    } else {
      disk.capacityBytes = disk.usedBytes + todo.room
      await expect(log.append(place, [textRecord('y'.repeat(400))])).rejects.toEqual(failsWith('DISK_FULL'))
    }
  }
  // Appends that are in flight when the power fails, and are never acknowledged.
  disk.capacityBytes = Infinity
  disk.duringFlush = () => new Promise(() => undefined)
  void log.append(place, [textRecord(`${name}-unfinished-${'z'.repeat(300)}`), textRecord(`${name}-unfinished`)])
  await new Promise((resolve) => setImmediate(resolve))
}

test('after any failures and a power failure at any time, every acknowledged record is at its offset', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 3 }),
      fc.infiniteStream(fc.boolean()),
      async (lives, chances) => {
        let disk = new SimulatedDisk()
        const acknowledged = new Map<number, string>()
        for (const [i, steps] of lives.entries()) {
          await live(disk, steps, acknowledged, `life ${i}`)
          disk = disk.afterPowerFailure(() => chances.next().value as boolean)
        }
        const log = await openOn(disk)
        const found = await readAll(log, place, 0)
        for (const [offset, value] of acknowledged) expect(found[offset]?.value?.toString()).toBe(value)
        expect(found.map(({ offset }) => offset)).toEqual(found.map((_, i) => i))
        expect(await log.append(place, [textRecord('next')])).toBe(found.length)
      },
    ),
    { numRuns: 150 },
  ))

test('a full disk refuses appends and accepts them again when there is space', async () => {
  const disk = new SimulatedDisk()
  const log = await openOn(disk)
  await log.append(place, [textRecord('before')])
  const used = disk.usedBytes
  disk.capacityBytes = used + 60
  await expect(log.append(place, [textRecord('x'.repeat(200))])).rejects.toEqual(failsWith('DISK_FULL'))
  expect(disk.usedBytes).toBe(used)
  disk.capacityBytes = Infinity
  expect(await log.append(place, [textRecord('after')])).toBe(1)
  expect(await contents(log)).toEqual(['before', 'after'])
  expect((await openOn(disk)).repairs).toEqual([])
})

test('when the disk is too slow, appends beyond the queue are refused, and accepted later', async () => {
  const disk = new SimulatedDisk()
  const log = await openOn(disk, 1_000_000)
  const large = (): Promise<number> => log.append(place, [{ key: null, value: Buffer.alloc(7 * 1024 * 1024) }])
  const appends = [large(), large(), large()]
  const results = await Promise.allSettled(appends)
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  await expect(appends[2]).rejects.toEqual(failsWith('LOG_DOWN'))
  expect(await large()).toBe(2)
})

test('an unfinished frame is removed even if its records contain frames of another partition', async () => {
  const disk = new SimulatedDisk()
  const log = await openOn(disk, 1_000_000)
  await log.ensure({ topic: 'other', partitions: 1 })
  for (const name of ['a', 'b', 'c', 'd']) await log.append({ topic: 'other', partition: 0 }, [textRecord(name)])
  await log.append(place, [textRecord('whole')])
  const copied = disk.bytesOf(segmentPath(directory).replace('events', 'other'))
  await log.append(place, [{ key: null, value: Buffer.from(copied) }])
  const file = await disk.open(segmentPath(directory), 'write')
  await file.truncate((await file.size()) - 1)
  const opened = await openOn(disk, 1_000_000)
  expect(opened.repairs).toHaveLength(1)
  expect(await contents(opened)).toEqual(['whole'])
})

test('after a failed flush only bytes that were read back count as durable', async () => {
  const disk = new SimulatedDisk()
  const log = await openOn(disk)
  await log.append(place, [textRecord('kept')])
  disk.duringFlush = async () => {
    disk.duringFlush = () => Promise.resolve()
    disk.bytesOf(segmentPath(directory))[60]! ^= 1
  }
  disk.flushesToFail = 1
  await expect(log.append(place, [textRecord('lost')])).rejects.toEqual(failsWith('LOG_DOWN'))
  await expect(log.append(place, [textRecord('refused')])).rejects.toEqual(failsWith('LOG_DAMAGED'))
})
