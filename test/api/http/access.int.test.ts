import { expect, test } from 'vitest'
import { scopes, type Scope } from '../../../src/api/keys/keys.js'
import { deadLetter } from '../fake-dead-letters.js'
import { row } from '../fake-queries.js'
import { startApi, visitOf, type Answer } from '../harness.js'

const routes = [
  ['POST', '/api/v2/events/visit', 'events:write', visitOf('v1')],
  ['POST', '/api/v2/predict/visit', 'predict', visitOf('v1')],
  ['POST', '/api/v2/predict/conflict/', 'predict', { domain: 'voice', user_id: 1 }],
  ['GET', '/api/v2/predictions', 'read', undefined],
  ['GET', '/api/v2/predictions/v1', 'read', undefined],
  ['GET', '/api/v2/features/visit/person/ann', 'read', undefined],
  ['GET', '/api/v2/streams', 'read', undefined],
  ['GET', '/api/v2/dead-letters', 'read', undefined],
  ['GET', '/api/v2/dead-letters/visit/0/0', 'read', undefined],
  ['POST', '/api/v2/dead-letters/redrive', 'admin', { stream: 'visit' }],
  ['POST', '/api/v2/dead-letters/purge', 'admin', { stream: 'visit', code: 'BAD_JSON' }],
  ['POST', '/api/v2/outcomes', 'outcomes:write', { stream: 'visit', event_id: 'v1', label: 1 }],
] as const
const operatorRoutes = [
  ['POST', '/api/v2/keys', { name: 'x', tenant: 'acme', scopes: ['read'] }],
  ['GET', '/api/v2/keys', undefined],
  ['DELETE', '/api/v2/keys/000000000000', undefined],
  ['POST', '/api/v2/backups', {}],
  ['GET', '/api/v2/backups/one', undefined],
  ['DELETE', '/api/v2/backups/one', undefined],
  ['POST', '/api/v2/backtests', {}],
  ['POST', '/api/v2/backtests/one/predictions', undefined],
  ['POST', '/api/v2/replays', {}],
  ['POST', '/api/v2/replays/one/predictions', undefined],
  ['GET', '/api/v2/replays', undefined],
  ['POST', '/api/v2/partitions/accept', { topic: 'attendance', partition: 2, why: 'known' }],
  ['POST', '/api/v2/tenants', { tenant: 'initech', why: 'a customer' }],
  ['DELETE', '/api/v2/tenants/acme?why=ended', undefined],
] as const
const operatorReads = [
  ['POST', '/api/v2/sql', { sql: 'SELECT 1' }],
  ['GET', '/api/v2/partitions', undefined],
  ['GET', '/api/v2/tenants', undefined],
] as const

/** The parts of an answer that a caller can compare; the id of the request is left out. */
const seen = ({ status, headers, text }: Answer): unknown => [
  status,
  { ...headers, date: '' },
  text.replace(/urn:tidemill:request:[0-9a-f]+-\d+/, ''),
]

test.each(routes)('%s %s wants a key', async (method, url, _scope, body) => {
  const { send, engine } = await startApi()
  const none = await send(undefined, method, url, body)
  expect([none.status, none.body.code, none.headers['www-authenticate']]).toEqual([
    401,
    'UNAUTHENTICATED',
    'Bearer realm="tidemill"',
  ])
  const unknown = await send(`tm_000000000000_${'x'.repeat(43)}`, method, url, body)
  expect([unknown.status, unknown.headers['www-authenticate']]).toEqual([
    401,
    'Bearer realm="tidemill", error="invalid_token"',
  ])
  const basic = await send(undefined, method, url, body, { authorization: 'Basic YTpi' })
  expect(basic.status).toBe(401)
  expect(engine.log).toEqual([])
})

test.each(routes)('%s %s wants the scope %3$s and no other', async (method, url, scope, body) => {
  const { send, keyWith, engine } = await startApi()
  engine.rows.push(row())
  engine.deadLetters.stored.push(deadLetter())
  const refused = await send(await keyWith(...scopes.filter((one: Scope) => one !== scope)), method, url, body)
  expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
    403,
    'FORBIDDEN',
    `The key lacks the scope ${scope}.`,
  ])
  expect((await send(await keyWith(scope), method, url, body)).status).toBe(200)
})

test.each(operatorRoutes)('%s %s is for operators with the scope admin alone', async (method, url, body) => {
  const { send, keyWith, keys } = await startApi()
  expect((await send(undefined, method, url, body)).status).toBe(401)
  expect((await send(await keyWith('admin'), method, url, body)).status).toBe(403)
  const { key } = await keys.create({ name: 'reader', tenant: '*', scopes: ['read'] })
  expect((await send(key, method, url, body)).status).toBe(403)
})

test.each(operatorReads)(
  '%s %s sees every tenant, so it is for operators alone, with the scope read',
  async (method, url, body) => {
    const { send, keyWith, keys } = await startApi()
    expect((await send(undefined, method, url, body)).status).toBe(401)
    expect((await send(await keyWith(...scopes), method, url, body)).body.detail).toBe(
      'Only an operator key may do this.',
    )
    const operatorWith = async (...may: readonly Scope[]): Promise<string> =>
      (await keys.create({ name: 'analyst', tenant: '*', scopes: may })).key
    expect(
      (await send(await operatorWith(...scopes.filter((scope) => scope !== 'read')), method, url, body)).body.detail,
    ).toBe('The key lacks the scope read.')
    expect((await send(await operatorWith('read'), method, url, body)).status).toBe(200)
  },
)

test('every route under /api/v2 is guarded', async () => {
  const { app, send } = await startApi()
  await app.ready()
  const paths = Object.entries((app.swagger() as { paths: Record<string, Record<string, unknown>> }).paths).filter(
    ([path]) => path.startsWith('/api/'),
  )
  expect(paths.length).toBe(new Set([...routes, ...operatorRoutes, ...operatorReads].map(([, url]) => url)).size)
  for (const [path, operations] of paths) {
    for (const method of Object.keys(operations)) {
      const answer = await send(
        undefined,
        method.toUpperCase() as 'GET',
        path.replace(/\{\w+\}/g, 'x'),
        method === 'post' ? {} : undefined,
      )
      expect([path, answer.status]).toEqual([path, 401])
    }
  }
})

test('an expired key is refused', async () => {
  const { send, keys, clock } = await startApi()
  const { key } = await keys.create({ name: 'soon', tenant: 'acme', scopes: ['read'], expiresAtMs: clock.nowMs() + 10 })
  expect((await send(key, 'GET', '/api/v2/streams')).status).toBe(200)
  clock.pass(10)
  expect((await send(key, 'GET', '/api/v2/streams')).status).toBe(401)
})

test.each([
  ['a prediction by its id', '/api/v2/predictions/theirs', '/api/v2/predictions/nobodys', 404],
  ['features by id', '/api/v2/features/visit/person/ann', '/api/v2/features/visit/person/nobody', 404],
  [
    'a prediction with its tenant',
    '/api/v2/predictions/theirs?tenant=acme',
    '/api/v2/predictions/nobodys?tenant=acme',
    403,
  ],
  [
    'a prediction of a tenant',
    '/api/v2/predictions/theirs?tenant=acme',
    '/api/v2/predictions/theirs?tenant=nobody',
    403,
  ],
  ['predictions of a tenant', '/api/v2/predictions?tenant=acme', '/api/v2/predictions?tenant=nobody', 403],
  [
    'features of a tenant',
    '/api/v2/features/visit/person/ann?tenant=acme',
    '/api/v2/features/visit/person/nobody?tenant=nobody',
    403,
  ],
])('%s of another tenant is refused the same way whether it exists or not', async (_name, theirs, nobodys, status) => {
  const { send, as, engine } = await startApi()
  engine.rows.push(row({ event_id: 'theirs' }))
  const [existing, missing] = [await send(as.globex, 'GET', theirs), await send(as.globex, 'GET', nobodys)]
  expect(existing.status).toBe(status)
  expect(seen(existing)).toEqual(seen(missing))
})

test('outcomes and events for another tenant are refused the same way whether it exists or not', async () => {
  const { send, as, engine } = await startApi()
  const outcome = (tenant_id: string): object => ({ stream: 'visit', event_id: 'v1', label: 1, tenant_id })
  const answers = [
    await send(as.globex, 'POST', '/api/v2/outcomes', outcome('acme')),
    await send(as.globex, 'POST', '/api/v2/outcomes', outcome('nobody')),
  ]
  expect(answers[0]!.status).toBe(403)
  expect(seen(answers[0]!)).toEqual(seen(answers[1]!))
  for (const way of ['events', 'predict']) {
    const [one, other] = [
      await send(as.globex, 'POST', `/api/v2/${way}/visit`, visitOf('v1', { tenant_id: 'acme' })),
      await send(as.globex, 'POST', `/api/v2/${way}/visit`, visitOf('v1', { tenant_id: 'nobody' })),
    ]
    expect(one.status).toBe(403)
    expect(seen(one)).toEqual(seen(other))
  }
  expect([engine.log, engine.asked, engine.outcomes]).toEqual([[], [], []])
})

test('the operator creates, lists and withdraws keys over HTTP', async () => {
  const { send, as } = await startApi()
  const made = await send(as.operator, 'POST', '/api/v2/keys', {
    name: 'gate 4',
    tenant: 'acme',
    scopes: ['read'],
    expires_at: '2027-01-01T00:00:00Z',
  })
  expect(made.status).toBe(201)
  const { key, ...view } = made.body
  expect(view).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
    name: 'gate 4',
    tenant: 'acme',
    scopes: ['read'],
    created_at: '2026-01-06T08:00:00.000Z',
    expires_at: '2027-01-01T00:00:00.000Z',
  })
  expect((await send(key as string, 'GET', '/api/v2/streams')).status).toBe(200)
  const listed = await send(as.operator, 'GET', '/api/v2/keys')
  expect((listed.body['keys'] as object[]).at(-1)).toEqual(view)
  expect(listed.text).not.toContain((key as string).slice(16))
  expect((await send(as.operator, 'DELETE', `/api/v2/keys/${view['id'] as string}`)).status).toBe(204)
  expect((await send(key as string, 'GET', '/api/v2/streams')).status).toBe(401)
  expect((await send(as.operator, 'DELETE', `/api/v2/keys/${view['id'] as string}`)).body.code).toBe('NOT_FOUND')
})

test.each([
  [{ name: 'x', tenant: 'acme', scopes: ['everything'] }, 'scopes/0'],
  [{ name: 'x', tenant: 'acme', scopes: [] }, 'scopes'],
  [{ name: 'x', scopes: ['read'] }, 'tenant'],
  [{ name: 'x', tenant: 'acme', scopes: ['read'], expires_at: '2020-01-01' }, 'expires_at'],
  [{ name: 'x', tenant: 'acme', scopes: ['read'], secret: 'mine' }, 'secret'],
])('a key like %o is refused, naming the field', async (wanted, field) => {
  const { send, as } = await startApi()
  const answer = await send(as.operator, 'POST', '/api/v2/keys', wanted)
  expect([answer.status, answer.body.errors?.map((error) => error.field)]).toEqual([422, [field]])
})
