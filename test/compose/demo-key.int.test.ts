import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openKeys } from '../../src/api/keys/key-file.js'
import { scopes } from '../../src/api/keys/keys.js'
import { demoKeyIn, withdrawDemoKeys } from '../../src/compose/demo-key.js'
import { everyTenant } from '../../src/contracts/callers.js'
import { temporaryDirectory, testClock } from '../api/harness.js'

async function placeOf() {
  const directory = await temporaryDirectory()
  return { path: join(directory, 'demo-key'), keys: join(directory, 'keys.json'), clock: testClock() }
}

test('the demo has one key, which stays, with every scope; only its owner may read the file', async () => {
  const { path, keys, clock } = await placeOf()
  const first = await demoKeyIn(path, openKeys(keys, clock), clock)
  const later = openKeys(keys, clock)
  expect(await demoKeyIn(path, later, clock)).toBe(first)
  expect(later.list()).toHaveLength(1)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const holder = later.verify(first, clock.nowMs())
  expect([holder?.tenant, [...(holder?.scopes ?? [])]]).toEqual([everyTenant, [...scopes]])
})

test('a start without the demo withdraws the key, and the next demo has a new one', async () => {
  const { path, keys: file, clock } = await placeOf()
  const keys = openKeys(file, clock)
  const others = await keys.create({ name: 'gate 4', tenant: 'acme', scopes: ['read'] })
  const first = await demoKeyIn(path, keys, clock)
  await withdrawDemoKeys(keys)
  expect(keys.verify(first, clock.nowMs())).toBeUndefined()
  expect(keys.verify(others.key, clock.nowMs())?.tenant).toBe('acme')
  const second = await demoKeyIn(path, keys, clock)
  expect([second === first, (await readFile(path, 'utf8')) === second]).toEqual([false, true])
})

test('a key in the file that is not the demo key is not used', async () => {
  const { path, keys: file, clock } = await placeOf()
  const keys = openKeys(file, clock)
  const other = await keys.create({ name: 'demo', tenant: everyTenant, scopes: ['read'] })
  await writeFile(path, other.key)
  expect(await demoKeyIn(path, keys, clock)).not.toBe(other.key)
  expect(keys.verify(other.key, clock.nowMs())).toBeUndefined()
})
