import { expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.js'
import { startApi, startMs } from '../harness.js'

const url = '/api/v2/outcomes'
const one = { stream: 'visit', event_id: 'v1', label: 1 }

test.each([
  ['one outcome', one, 1],
  ['a list', [one, { ...one, event_id: 'v2' }], 2],
  ['an envelope', { outcomes: [one, { ...one, event_id: 'v2' }] }, 2],
])('%s is on disk when it is acknowledged', async (_name, body, count) => {
  const { send, as, engine } = await startApi()
  const answer = await send(as.acme, 'POST', url, body)
  expect([answer.status, answer.body, engine.outcomes.length]).toEqual([200, { accepted: count }, count])
  expect(engine.outcomes[0]).toEqual({
    stream: 'visit',
    tenant: 'acme',
    event_id: 'v1',
    label: 1,
    source: 'review',
    decidedAtMs: startMs,
  })
})

test('an outcome contains its source and the time of the decision', async () => {
  const { send, as, engine } = await startApi()
  await send(as.operator, 'POST', url, {
    ...one,
    tenant_id: 'globex',
    label: 0,
    source: 'correction',
    decided_at: '2026-01-05T00:00:00+02:00',
    note: 'was ill',
  })
  expect(engine.outcomes).toEqual([
    {
      stream: 'visit',
      tenant: 'globex',
      event_id: 'v1',
      label: 0,
      source: 'correction',
      decidedAtMs: Date.parse('2026-01-04T22:00:00Z'),
      note: 'was ill',
    },
  ])
})

test.each([
  ['epoch milliseconds', 1_767_564_000_000],
  ['epoch milliseconds as text', '1767564000000'],
  ['ISO 8601', '2026-01-04T22:00:00Z'],
])('the time of a decision is taken as %s', async (_name, decided_at) => {
  const { send, as, engine } = await startApi()
  expect((await send(as.acme, 'POST', url, { ...one, decided_at })).status).toBe(200)
  expect((await send(as.acme, 'POST', url, [{ ...one, decided_at }])).status).toBe(200)
  expect(engine.outcomes.map(({ decidedAtMs }) => decidedAtMs)).toEqual([1_767_564_000_000, 1_767_564_000_000])
})

test('other times in bodies are taken as numbers too', async () => {
  const { send, as, clock } = await startApi()
  const key = { name: 'gate', tenant: 'acme', scopes: ['read'], expires_at: clock.nowMs() + 1_000 }
  expect((await send(as.operator, 'POST', '/api/v2/keys', key)).status).toBe(201)
  const redrive = { stream: 'visit', from: 0, to: clock.nowMs(), dry_run: true }
  expect((await send(as.operator, 'POST', '/api/v2/dead-letters/redrive', redrive)).status).toBe(200)
})

test("an operator's outcome without a tenant is the default tenant's, where the engine has one", async () => {
  const { send, as, engine } = await startApi({ defaultTenant: 'acme' })
  expect((await send(as.operator, 'POST', url, one)).status).toBe(200)
  expect(engine.outcomes[0]?.tenant).toBe('acme')
})

test.each([
  ['an unknown label', { ...one, label: 2 }, 422, ['label']],
  ['an unknown source', { ...one, source: 'rumour' }, 422, ['source']],
  ['a missing id', { stream: 'visit', label: 1 }, 422, ['event_id']],
  ['a field that is not known', { ...one, lable: 1 }, 422, ['lable']],
  ['one bad of two', [one, { ...one, label: 'yes' }], 422, ['1/label']],
  ['one bad of two in an envelope', { outcomes: [one, { ...one, event_id: 5 }] }, 422, ['outcomes/1/event_id']],
  ['no outcome', [], 422, ['']],
  ['too many', Array.from({ length: limits.apiBatch + 1 }, () => one), 422, ['']],
  ['another stream', { ...one, stream: 'nothing' }, 404, undefined],
  ['a time that is none', { ...one, decided_at: 'soon' }, 422, ['decided_at']],
  [
    'a time that is none among others',
    { outcomes: [one, { ...one, decided_at: 'soon' }] },
    422,
    ['outcomes/1/decided_at'],
  ],
])('%s is refused, naming the place, and nothing is kept', async (_name, body, status, fields) => {
  const { send, as, engine } = await startApi()
  const answer = await send(as.acme, 'POST', url, body)
  expect([answer.status, answer.body.errors?.map(({ field }) => field), engine.outcomes]).toEqual([status, fields, []])
})

test('the operator names the tenant', async () => {
  const { send, as } = await startApi()
  expect((await send(as.operator, 'POST', url, one)).body.errors?.[0]?.field).toBe('tenant_id')
})

test('a full disk answers 507 and stores nothing', async () => {
  const { send, as, engine } = await startApi()
  engine.fail('appendOutcomes', 'DISK_FULL')
  expect((await send(as.acme, 'POST', url, one)).status).toBe(507)
})
