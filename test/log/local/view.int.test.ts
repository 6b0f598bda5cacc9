import { strict as assert } from 'node:assert'
import { appendFile, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { LocalView } from '../../../src/log/local/view.js'
import { openLocalView } from '../../../src/log/local/view.js'
import { indexPath, openEvents, place, scratch, segmentPath } from './local-log.js'

const bound = { records: 100, bytes: 1 << 20 }
const record = (text: string, timestampMs?: number) => ({
  key: null,
  value: Buffer.from(text),
  ...(timestampMs === undefined ? {} : { timestampMs }),
})

async function viewOf(directory: string): Promise<LocalView> {
  const view = await openLocalView({ directory, clock: systemClock })
  onTestFinished(() => view.close())
  return view
}

async function textsFrom(view: LocalView, from: number): Promise<string[]> {
  const reader = view.reader(place)
  onTestFinished(() => reader.close())
  return (await reader.read(from, bound, AbortSignal.timeout(5_000))).map(({ value }) => value!.toString())
}

test('a view sees the records that the owner appends, also while it reads', async () => {
  const directory = await scratch()
  const log = await openEvents(directory)
  await log.append(place, [record('a'), record('b')])
  const view = await viewOf(directory)
  assert.deepEqual(await view.bounds(place), { first: 0, next: 2 })
  assert.deepEqual(await textsFrom(view, 0), ['a', 'b'])
  const waiting = textsFrom(view, 2)
  await log.append(place, [record('c')])
  assert.deepEqual(await waiting, ['c'])
  assert.deepEqual(await view.bounds(place), { first: 0, next: 3 })
})

test('an unfinished write is not visible and not changed; it becomes visible when it is complete', async () => {
  const directory = await scratch()
  const log = await openEvents(directory)
  await log.append(place, [record('whole')])
  const before = await readFile(segmentPath(directory))
  await log.append(place, [record('torn')])
  const after = await readFile(segmentPath(directory))
  await truncate(segmentPath(directory), before.length + 20)
  const view = await viewOf(directory)
  assert.deepEqual(await view.bounds(place), { first: 0, next: 1 })
  assert.equal((await stat(segmentPath(directory))).size, before.length + 20)
  await appendFile(segmentPath(directory), after.subarray(before.length + 20))
  assert.deepEqual(await textsFrom(view, 1), ['torn'])
})

test('it finds log times across many files, and notices what retention removed', async () => {
  const directory = await scratch()
  const log = await openEvents(directory, { segmentBytes: 200 })
  for (let i = 0; i < 12; i++) await log.append(place, [record(`event ${i}`, 1_000 * i)])
  const view = await viewOf(directory)
  assert.deepEqual(await view.bounds(place, 7_500), { first: 8, next: 12 })
  await rm(segmentPath(directory))
  await rm(indexPath(directory), { force: true })
  const { first } = await view.bounds(place)
  assert.ok(first > 0)
  await assert.rejects(textsFrom(view, 0), (error) => isEngineError(error, 'GAP'))
  assert.equal((await textsFrom(view, first))[0], `event ${first}`)
})

test('flipped bytes are never returned as records', async () => {
  const directory = await scratch()
  const log = await openEvents(directory, { segmentBytes: 200 })
  for (let i = 0; i < 8; i++) await log.append(place, [record(`event ${i}`)])
  await log.close()
  const bytes = await readFile(segmentPath(directory))
  bytes[60] = bytes[60]! ^ 0xff
  await writeFile(segmentPath(directory), bytes)
  const view = await viewOf(directory)
  await assert.rejects(textsFrom(view, 0), (error) => isEngineError(error, 'LOG_DAMAGED'))
})
