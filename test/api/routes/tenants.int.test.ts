import { expect, test } from 'vitest'
import { scopes } from '../../../src/api/keys/keys.js'
import { startApi, startMs, visitOf } from '../harness.js'

const why = 'a new customer'

test('operators list, add and remove tenants, and the answer names key, reason and time', async () => {
  const { as, send, keys } = await startApi()
  const operator = keys.list().find(({ tenant }) => tenant === '*')!.id
  const added = await send(as.operator, 'POST', '/api/v2/tenants', { tenant: 'initech', why })
  const at = new Date(startMs).toISOString()
  const initech = { tenant: 'initech', state: 'known', by: operator, why, at }
  expect([added.status, added.body]).toEqual([200, { ...initech, changed: true }])
  const again = await send(as.operator, 'POST', '/api/v2/tenants', { tenant: 'initech', why: 'once more' })
  expect([again.status, again.body]).toEqual([200, { ...initech, changed: false }])
  const removed = await send(as.operator, 'DELETE', '/api/v2/tenants/acme?why=the%20contract%20ended')
  expect([removed.status, removed.body]).toMatchObject([200, { tenant: 'acme', state: 'removed', changed: true }])
  const { body } = await send(as.operator, 'GET', '/api/v2/tenants')
  expect(body).toMatchObject({
    any: false,
    tenants: [
      { tenant: 'acme', state: 'removed', why: 'the contract ended' },
      { tenant: 'globex', state: 'known', by: 'engine', at: null },
      { tenant: 'gone' },
      initech,
    ],
  })
})

test.each([
  ['POST', '/api/v2/tenants', { tenant: 'initech' }, 422],
  ['POST', '/api/v2/tenants', { tenant: '', why }, 422],
  ['POST', '/api/v2/tenants', { tenant: 'x'.repeat(129), why }, 422],
  ['DELETE', '/api/v2/tenants/acme', undefined, 400],
  ['DELETE', '/api/v2/tenants/nobody?why=ended', undefined, 404],
] as const)('%s %s %j is refused', async (method, url, body, status) => {
  const { as, send, engine } = await startApi()
  expect((await send(as.operator, method, url, body)).status).toBe(status)
  expect(engine.tenants.list().tenants.map(({ state }) => state)).toEqual(['known', 'known', 'removed'])
})

test('requests with the keys of a removed tenant are refused in words, until the tenant is added again', async () => {
  const { as, send, keys, engine } = await startApi()
  const { key } = await keys.create({ name: 'gate', tenant: 'gone', scopes })
  const requests = [
    ['POST', '/api/v2/events/visit', visitOf('v1')],
    ['POST', '/api/v2/predict/visit', visitOf('v1')],
    ['GET', '/api/v2/predictions', undefined],
  ] as const
  for (const [method, url, body] of requests) {
    const answer = await send(key, method, url, body)
    expect([answer.status, answer.body.code]).toEqual([403, 'FORBIDDEN'])
    expect(answer.body.detail).toMatch(/'gone', was removed.*tidemill tenants add/)
  }
  expect(engine.log).toEqual([])
  await send(as.operator, 'POST', '/api/v2/tenants', { tenant: 'gone', why: 'the contract was renewed' })
  for (const [method, url, body] of requests) expect((await send(key, method, url, body)).status).not.toBe(403)
})
