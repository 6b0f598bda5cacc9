import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openKeys } from '../../../src/api/keys/key-file.js'
import { systemClock } from '../../../src/base/clock.js'
import { temporaryDirectory, testClock } from '../harness.js'

const acme = { name: 'gate 4', tenant: 'acme', scopes: ['predict'] } as const

test('keys outlive the process; only its owner may read the file, and there is no other file beside it', async () => {
  const directory = await temporaryDirectory()
  const path = join(directory, 'keys.json')
  const { key } = await openKeys(path, testClock()).create(acme)
  expect(openKeys(path, testClock()).verify(key, 0)?.tenant).toBe('acme')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readdir(directory)).toEqual(['keys.json'])
  expect(await readFile(path, 'utf8')).not.toContain(key.slice(16))
})

test('a key that another process created works at once', async () => {
  const path = join(await temporaryDirectory(), 'keys.json')
  const clock = testClock()
  const engine = openKeys(path, clock)
  const { key } = await openKeys(path, clock).create(acme)
  expect(engine.verify(key, clock.nowMs())?.tenant).toBe('acme')
})

test('a key that another process withdrew stops working within a second', async () => {
  const path = join(await temporaryDirectory(), 'keys.json')
  const clock = testClock()
  const engine = openKeys(path, clock)
  const { key, record } = await engine.create(acme)
  expect(await openKeys(path, clock).withdraw(record.id)).toBe(true)
  clock.pass(1_000)
  expect(engine.verify(key, clock.nowMs())).toBeUndefined()
})

test('a key stops working at once where it was withdrawn; withdrawing an unknown id returns false', async () => {
  const path = join(await temporaryDirectory(), 'keys.json')
  const store = openKeys(path, testClock())
  const [one, other] = [await store.create(acme), await store.create(acme)]
  expect(await store.withdraw(one.record.id)).toBe(true)
  expect([store.verify(one.key, 0), store.verify(other.key, 0)?.id]).toEqual([undefined, other.record.id])
  expect(await store.withdraw(one.record.id)).toBe(false)
})

test('changes made at the same time are all kept', async () => {
  const path = join(await temporaryDirectory(), 'keys.json')
  const stores = [openKeys(path, systemClock), openKeys(path, systemClock)]
  const made = await Promise.all(
    Array.from({ length: 10 }, (_, i) => stores[i % 2]!.create({ ...acme, name: `key ${i}` })),
  )
  expect(
    new Set(
      openKeys(path, systemClock)
        .list()
        .map(({ id }) => id),
    ),
  ).toEqual(new Set(made.map(({ record }) => record.id)))
})

test('a stale lock of a crashed process is removed; a lock in use is LOCKED after a wait', async () => {
  const path = join(await temporaryDirectory(), 'keys.json')
  const clock = testClock()
  await writeFile(`${path}.lock`, '')
  await utimes(`${path}.lock`, new Date(clock.nowMs()), new Date(clock.nowMs()))
  await expect(openKeys(path, clock).create(acme)).rejects.toMatchObject({ code: 'LOCKED' })
  clock.pass(60_000)
  await openKeys(path, clock).create(acme)
})

test.each([
  ['no JSON', '{"keys": ['],
  ['other JSON', '{"keys": [{"id": "x"}]}'],
])('a file with %s admits no key, and the error contains the remedy', async (_name, text) => {
  const path = join(await temporaryDirectory(), 'keys.json')
  const clock = testClock()
  const engine = openKeys(path, clock)
  const { key } = await engine.create(acme)
  await writeFile(path, text)
  clock.pass(1_000)
  for (let again = 0; again < 2; again++)
    expect(() => engine.verify(key, clock.nowMs())).toThrow(/restore the file, or remove it/)
  expect(() => openKeys(path, clock)).toThrow(/keys\.json/)
  await expect(engine.create(acme)).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  expect(await readFile(path, 'utf8')).toBe(text)
})
