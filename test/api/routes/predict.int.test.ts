import { expect, test } from 'vitest'
import { startApi, startMs, visitOf } from '../harness.js'

const url = '/api/v2/predict/visit'
const prediction = {
  score: 0.83,
  risk: 'high',
  version: 'heuristic_v1',
  served_by: 'heuristic',
  why: 'no-model',
  reasons: ['visits_1h'],
  late: false,
}

test('one event gives its score, risk, version and reasons', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', url, visitOf('v1'))
  expect([answer.status, answer.body]).toEqual([200, { event_id: 'v1', ...prediction }])
})

test('the answer mirrors the body: a list for a list, predictions for events', async () => {
  const { send, as } = await startApi()
  const two = [
    { event_id: 'v1', ...prediction },
    { event_id: 'v2', ...prediction },
  ]
  expect((await send(as.acme, 'POST', url, [visitOf('v1'), visitOf('v2')])).body).toEqual(two)
  expect((await send(as.acme, 'POST', url, { events: [visitOf('v1'), visitOf('v2')] })).body).toEqual({
    predictions: two,
  })
})

test('a request may omit the id, the time and the tenant', async () => {
  const { send, as, engine } = await startApi()
  const answer = await send(as.acme, 'POST', url, { person_id: 'ann', way: 'in' })
  expect(answer.status).toBe(200)
  expect(engine.asked[0]).toEqual({
    event_id: answer.body['event_id'],
    tenant_id: 'acme',
    at: startMs,
    person_id: 'ann',
    way: 'in',
  })
  expect(answer.body['event_id']).toMatch(/^api-[0-9a-f-]{36}$/)
})

test('bad events of a batch get a reason, the others a score', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', url, [visitOf('v1', { person_id: 5 }), visitOf('v2')])
  expect(answer.status).toBe(207)
  expect(answer.body).toEqual([
    { event_id: 'v1', error: { code: 'BAD_FIELD', message: 'person_id is not a string', field: 'person_id' } },
    { event_id: 'v2', ...prediction },
  ])
})

test('an unreachable store answers 503', async () => {
  const { send, as, engine } = await startApi()
  engine.fail('predict', 'STORE_DOWN')
  const answer = await send(as.acme, 'POST', url, visitOf('v1'))
  expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'STORE_DOWN', '5'])
})

test.each([
  ['with a trailing slash, as curl sends it', '/api/v2/predict/conflict/', 'application/x-www-form-urlencoded'],
  ['without one', '/api/v2/predict/conflict', 'application/json'],
])('the short form of sync answers %s', async (_name, path, type) => {
  const { send, as, engine } = await startApi()
  const answer = await send(as.acme, 'POST', path, '{"domain": "voice", "user_id": 1}', { 'content-type': type })
  expect(answer.status).toBe(200)
  expect(answer.body).toEqual({
    event_id: expect.stringMatching(/^api-/) as string,
    conflict_probability: 0.83,
    risk: 'high',
    model_version: 'heuristic_v1',
    served_by: 'heuristic',
    why: 'no-model',
    reasons: ['visits_1h'],
  })
  expect(engine.asked[0]).toEqual({
    event_id: answer.body['event_id'],
    tenant_id: 'acme',
    synced_at: startMs,
    domain: 'voice',
    user_id: '1',
  })
})

test('the short form passes other columns on and refuses an invalid body', async () => {
  const { send, as, engine } = await startApi()
  const path = '/api/v2/predict/conflict'
  await send(as.acme, 'POST', path, { domain: 'voice', user_id: 'u1', synced_at: 5, event_id: 'mine' })
  expect(engine.asked[0]).toEqual({ event_id: 'mine', tenant_id: 'acme', synced_at: 5, domain: 'voice', user_id: 'u1' })
  expect((await send(as.acme, 'POST', path, { user_id: 1.5 })).body.errors).toEqual([
    { field: 'domain', message: 'expected required property' },
    { field: 'user_id', message: 'must be one of string, integer' },
  ])
  expect(
    (
      await send(as.acme, 'POST', path, 'domain=voice&user_id=1', {
        'content-type': 'application/x-www-form-urlencoded',
      })
    ).body.code,
  ).toBe('BAD_JSON')
  expect((await send(as.acme, 'POST', path, { domain: 'voice', user_id: 1, tenant_id: 'globex' })).status).toBe(403)
})

test("an operator's events, questions and reads without a tenant are the default tenant's", async () => {
  const { send, as, engine } = await startApi({ defaultTenant: 'acme' })
  expect((await send(as.operator, 'POST', '/api/v2/events/visit', visitOf('v1'))).status).toBe(200)
  expect((await send(as.operator, 'POST', '/api/v2/events/visit', visitOf('v2', { tenant_id: 'globex' }))).status).toBe(
    200,
  )
  expect(engine.log.map(({ event }) => event['tenant_id'])).toEqual(['acme', 'globex'])
  expect((await send(as.operator, 'POST', '/api/v2/predict/visit', [visitOf('v3')])).status).toBe(200)
  expect((await send(as.operator, 'POST', '/api/v2/predict/conflict/', { domain: 'voice', user_id: 1 })).status).toBe(
    200,
  )
  expect(engine.asked.map((event) => event['tenant_id'])).toEqual(['acme', 'acme'])
  expect((await send(as.operator, 'GET', '/api/v2/features/visit/person/ann')).body['tenant']).toBe('acme')
  // A tenant's key stays with its tenant.
  expect((await send(as.globex, 'POST', '/api/v2/events/visit', visitOf('v4'))).status).toBe(200)
  expect(engine.log.at(-1)?.event['tenant_id']).toBe('globex')
})
