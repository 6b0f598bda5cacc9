import fc from 'fast-check'
import { mkdir, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { messageOf } from '../../../src/base/errors.js'
import { indexPath, openEvents, place, scratch, segmentPath } from './local-log.js'
import { failsWith, readAll, textRecord, texts } from '../records.js'

/** A closed log of ten frames of three records each; without the index, as after a crash. */
async function crashed(
  segmentBytes = 1_000_000,
): Promise<{ directory: string; values: (string | undefined)[]; frames: number[] }> {
  const directory = await scratch()
  const log = await openEvents(directory, { segmentBytes })
  const frames: number[] = []
  for (let i = 0; i < 10; i++) {
    await log.append(
      place,
      [0, 1, 2].map((n) => textRecord(`${i}.${n}`, n === 1 ? { headers: { h: Buffer.from('x') } } : {})),
    )
    frames.push((await stat(segmentPath(directory)).catch(() => ({ size: 0 }))).size)
  }
  const values = texts(await readAll(log, place, 0))
  await log.close()
  await rm(indexPath(directory))
  return { directory, values, frames }
}

test('a last frame truncated at any byte is removed and reported, and nothing else is lost', async () => {
  const { directory, values, frames } = await crashed()
  const path = segmentPath(directory)
  const whole = await readFile(path)
  const [lastAt, end] = frames.slice(-2) as [number, number]
  expect(end).toBe(whole.length)
  for (let bytes = lastAt; bytes < end; bytes++) {
    await writeFile(path, whole.subarray(0, bytes))
    const log = await openEvents(directory)
    expect(log.repairs).toEqual(
      bytes === lastAt
        ? []
        : [{ file: path, bytes: bytes - lastAt, reason: expect.stringContaining(`after byte ${lastAt}`) as string }],
    )
    expect(texts(await readAll(log, place, 0))).toEqual(values.slice(0, -3))
    expect(await log.append(place, [textRecord('again')])).toBe(values.length - 3)
    expect(texts(await readAll(log, place, values.length - 3))).toEqual(['again'])
    await log.close()
    await rm(indexPath(directory))
  }
})

test('after a crash any flipped bit is refused, or removed with the last frame, and never read', async () => {
  const { directory, values, frames } = await crashed()
  const path = segmentPath(directory)
  const whole = await readFile(path)
  const lastAt = frames.at(-2)!
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 1 << bit
      await writeFile(path, bytes)
      const opening = openEvents(directory)
      if (at < lastAt) {
        await expect(opening).rejects.toEqual(failsWith('LOG_DAMAGED'))
        return
      }
      const log = await opening
      expect(log.repairs).toHaveLength(1)
      expect(texts(await readAll(log, place, 0))).toEqual(values.slice(0, -3))
    }),
    { numRuns: 150 },
  )
})

test('a flipped bit in an older file, or in one that was closed properly, is refused when it is read', async () => {
  const { directory } = await crashed(300)
  const path = segmentPath(directory)
  const whole = await readFile(path)
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), fc.boolean(), async (at, bit, isIndexed) => {
      if (!isIndexed) await rm(indexPath(directory), { force: true })
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 1 << bit
      await writeFile(path, bytes)
      const reading = openEvents(directory, { segmentBytes: 300 }).then((log) => readAll(log, place, 0))
      await expect(reading).rejects.toEqual(failsWith('LOG_DAMAGED'))
    }),
    { numRuns: 80 },
  )
})

test('the error for damage names the file, the position and what to do, and the file is not changed', async () => {
  const { directory, frames } = await crashed()
  const path = segmentPath(directory)
  const bytes = await readFile(path)
  bytes.writeUInt32LE(bytes.readUInt32LE(frames[4]! + 4) + 1_000_000, frames[4]! + 4)
  await writeFile(path, bytes)
  const message = messageOf(await openEvents(directory).catch((error: unknown) => error))
  expect(message).toContain(`${path}, byte ${frames[4]!}`)
  expect(message).toContain(`byte ${frames[5]!}`)
  expect(message).toContain('restore this file from a backup')
  expect(await readFile(path)).toEqual(bytes)
})

test('a damaged frame is not taken for an unfinished write, even far from the next frame', async () => {
  const directory = await scratch()
  const log = await openEvents(directory)
  await log.append(place, [{ key: null, value: Buffer.alloc(3 * 1024 * 1024 + 17, 5) }])
  await log.append(place, [textRecord('later')])
  await log.close()
  await rm(indexPath(directory))
  const bytes = await readFile(segmentPath(directory))
  bytes[1_000]! ^= 4
  await writeFile(segmentPath(directory), bytes)
  await expect(openEvents(directory)).rejects.toEqual(failsWith('LOG_DAMAGED'))
})

test('bytes missing from a file that was closed properly are detected', async () => {
  const directory = await scratch()
  const log = await openEvents(directory)
  await log.append(place, [textRecord('acknowledged')])
  await log.append(place, [textRecord('acknowledged too')])
  await log.close()
  await truncate(segmentPath(directory), (await stat(segmentPath(directory))).size - 1)
  await expect(openEvents(directory)).rejects.toEqual(failsWith('LOG_DAMAGED'))
})

test('a file missing from the middle, or in the place of another, is refused', async () => {
  const { directory } = await crashed(300)
  const names = (await readdir(dirname(segmentPath(directory)))).filter((name) => name.endsWith('.segment')).sort()
  const [first, second] = names.map((name) => join(dirname(segmentPath(directory)), name)) as [string, string]
  const kept = await readFile(second)
  await rm(second)
  await expect(openEvents(directory)).rejects.toEqual(failsWith('LOG_DAMAGED'))
  await writeFile(second, (await readFile(first)).subarray(0, kept.length))
  const reading = openEvents(directory).then((log) => readAll(log, place, 0))
  await expect(reading).rejects.toEqual(failsWith('LOG_DAMAGED'))
})

test('a damaged index is ignored, and the frames are read again', async () => {
  const directory = await scratch()
  const log = await openEvents(directory, { segmentBytes: 200 })
  for (let i = 0; i < 6; i++) await log.append(place, [textRecord(String(i), { timestampMs: 100 * i })])
  await log.close()
  const whole = await readFile(indexPath(directory), 'utf8')
  await writeFile(indexPath(directory), whole.replace(/"next":\d+/, '"next":1'))
  const opened = await openEvents(directory)
  expect(texts(await readAll(opened, place, 0))).toEqual(['0', '1', '2', '3', '4', '5'])
  expect(await opened.bounds(place, 101)).toEqual({ first: 2, next: 6 })
  expect(await readFile(indexPath(directory), 'utf8')).toBe(whole)
})

test('a topic whose creation was interrupted is created again; one that lost its description is refused', async () => {
  const directory = await scratch()
  await mkdir(join(directory, 'events', '0'), { recursive: true })
  const log = await openEvents(directory)
  await log.append(place, [textRecord('one')])
  await log.close()
  await rm(join(directory, 'events', 'topic.json'))
  await expect(openEvents(directory)).rejects.toEqual(failsWith('LOG_DAMAGED'))
})
