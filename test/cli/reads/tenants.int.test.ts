import { strict as assert } from 'node:assert'
import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { onTestFinished, test } from 'vitest'
import { answering, tidemill } from '../harness.js'

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-tenants-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'data')
}

test('without an engine, tenants are added and removed in the log of the directory', async () => {
  const data = ['--data', await temporary()]
  const run = async (...args: readonly string[]) => tidemill(['tenants', ...args, ...data])
  assert.match((await run('list')).data, /no tenant is known/)
  const added = await run('add', 'acme', '--why', 'a new customer')
  assert.deepEqual([added.exit, added.said], [0, 'added acme; its events are scored from now on\n'])
  assert.match((await run('add', 'acme', '--why', 'again')).said, /acme is known already/)
  assert.match((await run('list')).data, /acme +known .*a new customer/)
  assert.match((await run('remove', 'acme', '--why', 'ended')).said, /removed acme/)
  const { tenants } = JSON.parse((await run('list', '--json', '--tenants', 'globex')).data) as {
    tenants: readonly { tenant: string; state: string; why: string }[]
  }
  assert.deepEqual(
    tenants.map(({ tenant, state, why }) => [tenant, state, why]),
    [
      ['acme', 'removed', 'ended'],
      ['globex', 'known', 'configuration'],
    ],
  )
  const unknown = await run('remove', 'nobody', '--why', 'ended')
  assert.deepEqual([unknown.exit, /knows no tenant 'nobody'/.test(unknown.said)], [1, true])
  const everyone = await run('add', '*', '--why', 'all of them')
  assert.deepEqual([everyone.exit, /set 'tenants: any'/.test(everyone.said)], [2, true])
  assert.match((await run('add', 'acme')).said, /required option '--why <reason>'/)
})

test('an engine that is named decides with the key, the tenant and the reason', async () => {
  const tenant = 'a/b c'
  const view = { tenant, state: 'removed', by: 'k1', why: 'ended', at: null }
  const engine = await answering(({ method }) => ({
    body: method === 'GET' ? { any: true, tenants: [view] } : { ...view, changed: true },
  }))
  onTestFinished(() => engine.close())
  const remote = ['--url', engine.url, '--key', 'tm_1']
  assert.match((await tidemill(['tenants', 'add', tenant, '--why', 'a customer', ...remote])).said, /added a\/b c/)
  assert.match((await tidemill(['tenants', 'remove', tenant, '--why', 'ended', ...remote])).said, /removed a\/b c/)
  assert.match((await tidemill(['tenants', 'list', ...remote])).data, /every tenant is known that was not removed/)
  assert.deepEqual(
    engine.asked.slice(0, 2).map(({ method, url, key, body }) => [method, url, key, body]),
    [
      ['POST', '/api/v2/tenants', 'tm_1', JSON.stringify({ tenant, why: 'a customer' })],
      ['DELETE', '/api/v2/tenants/a%2Fb%20c?why=ended', 'tm_1', ''],
    ],
  )
})
