import { strict as assert } from 'node:assert'
import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { openKeys } from '../../../src/api/keys/key-file.js'
import { scopes } from '../../../src/api/keys/keys.js'
import { systemClock } from '../../../src/base/clock.js'
import { dataPaths } from '../../../src/config/load.js'
import { tidemill } from '../harness.js'

const directory = (): string => join(mkdtempSync(join(tmpdir(), 'tidemill-keys-')), 'data')

test('a key is created, works, is listed without its secret, and is revoked', async () => {
  const data = directory()
  const made = await tidemill([
    'keys',
    'create',
    '--data',
    data,
    '--tenant',
    'acme',
    '--name',
    'gate 4',
    '--scopes',
    'predict,read',
    '--expires',
    '90d',
  ])
  const key = made.data.trim()
  const running = openKeys(dataPaths(data).keys, systemClock)
  const holder = running.verify(key, systemClock.nowMs())
  assert.deepEqual([holder?.tenant, [...(holder?.scopes ?? [])]], ['acme', ['predict', 'read']])
  assert.equal(statSync(dataPaths(data).keys).mode & 0o077, 0)
  assert.ok(!readFileSync(dataPaths(data).keys, 'utf8').includes(key))

  const listed = JSON.parse((await tidemill(['keys', 'list', '--data', data, '--json'])).data) as {
    keys: { id: string; name: string }[]
  }
  assert.deepEqual(
    listed.keys.map(({ name }) => name),
    ['gate 4'],
  )
  // The whole key will do where its id is asked for: that is what people have at hand.
  assert.equal((await tidemill(['keys', 'revoke', key, '--data', data])).exit, 0)
  assert.equal(running.list().length, 0)
  assert.equal((await tidemill(['keys', 'revoke', listed.keys[0]!.id, '--data', data])).exit, 1)
})

test('a key for every tenant needs --operator', async () => {
  const data = directory()
  assert.equal((await tidemill(['keys', 'create', '--data', data, '--tenant', '*'])).exit, 2)
  assert.equal((await tidemill(['keys', 'create', '--data', data, '--operator', '--tenant', 'acme'])).exit, 2)
  const made = JSON.parse((await tidemill(['keys', 'create', '--data', data, '--operator', '--json'])).data) as {
    tenant: string
    scopes: string[]
  }
  assert.equal(made.tenant, '*')
  assert.deepEqual(made.scopes, [...scopes])
})

test("a tenant's key lacks admin by default; an operator key with fewer scopes names what it lacks", async () => {
  const data = directory()
  const made = JSON.parse((await tidemill(['keys', 'create', '--data', data, '--tenant', 'acme', '--json'])).data) as {
    scopes: string[]
  }
  assert.deepEqual(
    made.scopes,
    scopes.filter((scope) => scope !== 'admin'),
  )
  const operator = await tidemill(['keys', 'create', '--data', data, '--operator', '--scopes', 'read,predict'])
  assert.match(operator.said, /it lacks events:write, outcomes:write, admin;/)
})
