import { expect, test, vi } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { limits } from '../../../src/base/limits.js'
import { row } from '../fake-queries.js'
import { streams } from '../fake-streams.js'
import { startApi, startMs, type Answer } from '../harness.js'

const hourMs = 3_600_000
const ids = (answer: Answer): unknown =>
  (answer.body['predictions'] as { event_id: string }[]).map((one) => one.event_id)

async function withRows(): ReturnType<typeof startApi> {
  const api = await startApi()
  api.engine.rows.push(
    row({ event_id: 'a1', eventTimeMs: startMs }),
    row({
      event_id: 'a2',
      eventTimeMs: startMs + hourMs,
      risk: 'low',
      entity: 'bob',
      version: 'visit-2',
      outcome: { label: 1, source: 'review', decidedAtMs: startMs + 2 * hourMs },
    }),
    row({ event_id: 'a3', eventTimeMs: startMs + 2 * hourMs, stream: 'sync' }),
    row({ event_id: 'g1', eventTimeMs: startMs, tenant: 'globex' }),
  )
  return api
}

test("a tenant reads its own predictions, the newest first, the operator everyone's", async () => {
  const { send, as } = await withRows()
  expect(ids(await send(as.acme, 'GET', '/api/v2/predictions'))).toEqual(['a3', 'a2', 'a1'])
  expect(ids(await send(as.globex, 'GET', '/api/v2/predictions?tenant=globex'))).toEqual(['g1'])
  expect(ids(await send(as.operator, 'GET', '/api/v2/predictions?limit=9'))).toHaveLength(4)
  expect(ids(await send(as.operator, 'GET', '/api/v2/predictions?tenant=globex'))).toEqual(['g1'])
})

test.each([
  ['stream=sync', ['a3']],
  ['risk=low', ['a2']],
  ['entity=bob', ['a2']],
  ['version=visit-2', ['a2']],
  ['from=2026-01-06T09:00:00Z', ['a3', 'a2']],
  [`from=${startMs + hourMs}&to=${startMs + 2 * hourMs}`, ['a2']],
  ['to=2026-01-06T10:00:00%2B01:00', ['a1']],
  ['to=2026-01-07', ['a3', 'a2', 'a1']],
])('?%s filters', async (query, expected) => {
  const { send, as } = await withRows()
  const answer = await send(as.acme, 'GET', `/api/v2/predictions?${query}`)
  expect([answer.status, ids(answer)]).toEqual([200, expected])
})

test('a cursor leads from page to page until the last one', async () => {
  const { send, as } = await withRows()
  const first = await send(as.acme, 'GET', '/api/v2/predictions?limit=2')
  expect(ids(first)).toEqual(['a3', 'a2'])
  const second = await send(as.acme, 'GET', `/api/v2/predictions?limit=2&cursor=${first.body['next'] as string}`)
  expect([ids(second), second.body['next']]).toEqual([['a1'], null])
})

test.each([
  ['risk=huge', 'risk', 'BAD_QUERY', 400],
  ['limit=0', 'limit', 'BAD_QUERY', 400],
  ['limit=5000', 'limit', 'BAD_QUERY', 400],
  ['limit=ten', 'limit', 'BAD_QUERY', 400],
  ['from=yesterday', 'from', 'BAD_QUERY', 400],
  ['to=2026-01-06T08:00:00', 'to', 'BAD_QUERY', 400],
  ['from=2026-13-45', 'from', 'BAD_QUERY', 400],
  ['tenannt=acme', 'tenannt', 'BAD_QUERY', 400],
  ['risk=low&risk=high', 'risk', 'BAD_QUERY', 400],
  ['stream=nothing', undefined, 'UNKNOWN_STREAM', 404],
  ['cursor=made-up', undefined, 'BAD_REQUEST', 400],
])('?%s is refused', async (query, field, code, status) => {
  const { send, as } = await withRows()
  const answer = await send(as.acme, 'GET', `/api/v2/predictions?${query}`)
  expect([answer.status, answer.body.code, answer.body.errors?.[0]?.field]).toEqual([status, code, field])
})

test("one event's prediction comes with its outcome", async () => {
  const { send, as } = await withRows()
  const answer = await send(as.acme, 'GET', '/api/v2/predictions/a2')
  expect(answer.body['predictions']).toEqual([
    {
      event_id: 'a2',
      tenant: 'acme',
      stream: 'visit',
      topic: 'visit',
      partition: 0,
      offset: 7,
      origin: 'log',
      entity: 'bob',
      event_time: '2026-01-06T09:00:00.000Z',
      record_time: '2026-01-06T08:00:01.000Z',
      score: 0.9,
      risk: 'low',
      version: 'visit-2',
      served_by: 'model',
      why: null,
      reasons: ['visits_1h'],
      late: false,
      outcome: { label: 1, source: 'review', decided_at: '2026-01-06T10:00:00.000Z' },
    },
  ])
})

test('an id may contain any character; the operator gets 404 for an unknown one', async () => {
  const { send, as, engine } = await withRows()
  engine.rows.push(row({ event_id: 'a/b c%' }))
  expect(ids(await send(as.acme, 'GET', `/api/v2/predictions/${encodeURIComponent('a/b c%')}`))).toEqual(['a/b c%'])
  expect((await send(as.operator, 'GET', '/api/v2/predictions/none')).body.code).toBe('NOT_FOUND')
})

test("a tenant's own event whose prediction is not stored yet is 404 with the time of the next try", async () => {
  const { send, as } = await withRows()
  const answer = await send(as.acme, 'GET', '/api/v2/predictions/just-sent')
  expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([404, 'NOT_FOUND', '2'])
})

/** Counts the reads of the warehouse, and stores the prediction before one of them. */
function storedBefore({ engine }: Awaited<ReturnType<typeof startApi>>, read: number): { reads: number } {
  const counted = { reads: 0 }
  engine.before('predictionsOf', () => {
    if (++counted.reads === read) engine.rows.push(row({ event_id: 'soon' }))
  })
  return counted
}

test('?wait= answers as soon as the prediction is stored', async () => {
  const api = await withRows()
  const counted = storedBefore(api, 4)
  const answer = await api.send(api.as.acme, 'GET', '/api/v2/predictions/soon?wait=10')
  expect([answer.status, ids(answer), counted.reads]).toEqual([200, ['soon'], 4])
  expect(api.clock.nowMs() - startMs).toBeLessThan(1_000)
})

test('?wait= ends with 404 after its time, and reads about once per second meanwhile', async () => {
  const api = await withRows()
  const counted = storedBefore(api, Infinity)
  const answer = await api.send(api.as.acme, 'GET', '/api/v2/predictions/never?wait=10')
  expect([answer.status, answer.headers['retry-after']]).toEqual([404, '2'])
  expect(api.clock.nowMs() - startMs).toBe(10_000)
  expect(counted.reads).toBeLessThan(16)
  for (const wait of ['-1', '31', 'long'])
    expect((await api.send(api.as.acme, 'GET', `/api/v2/predictions/never?wait=${wait}`)).status).toBe(400)
})

test('requests that wait end when the API closes, and only so many wait at once', async () => {
  const asleep: (() => void)[] = []
  const clock: Clock = {
    nowMs: () => startMs,
    sleep: (_delayMs, signal) =>
      new Promise((resolve) => {
        asleep.push(resolve)
        signal?.addEventListener('abort', () => resolve())
      }),
  }
  const { send, as, app } = await startApi({ clock })
  const waiting = Array.from({ length: limits.apiWaiting }, () =>
    send(as.acme, 'GET', '/api/v2/predictions/never?wait=30'),
  )
  await vi.waitUntil(() => asleep.length === limits.apiWaiting)
  expect((await send(as.acme, 'GET', '/api/v2/predictions/never?wait=30')).status).toBe(404)
  expect(asleep.length).toBe(limits.apiWaiting)
  await app.close()
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 404))
})

test('an unreachable warehouse answers 503 and does not reveal its address', async () => {
  const { send, as, engine } = await withRows()
  engine.fail('findPredictions', 'WAREHOUSE_DOWN')
  const answer = await send(as.acme, 'GET', '/api/v2/predictions')
  expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([503, 'WAREHOUSE_DOWN', '5'])
  expect(answer.text).not.toContain('secret')
})

test('features are read by entity, as of a time; a feature without a value is null', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'GET', '/api/v2/features/visit/person/ann?at=2026-01-05T00:00:00Z')
  expect(answer.body).toEqual({
    stream: 'visit',
    entity: 'person',
    id: ['ann'],
    tenant: 'acme',
    at: '2026-01-05T00:00:00.000Z',
    features: { visits_1h: 1, never: null },
  })
  expect((await send(as.acme, 'GET', '/api/v2/features/visit/person/ann/')).body['at']).toBe('2026-01-06T08:00:00.000Z')
})

test('an id of several parts is separated by commas; a comma inside a part is escaped', async () => {
  const { send, as } = await startApi()
  const read = async (id: string): Promise<unknown> =>
    (await send(as.acme, 'GET', `/api/v2/features/visit/passage/${id}?at=5`)).body['id']
  expect(await read('ann,door%201')).toEqual(['ann', 'door 1'])
  expect(await read('ann,door%2C1/')).toEqual(['ann', 'door,1'])
  expect((await send(as.acme, 'GET', '/api/v2/features/visit/passage/ann')).body.detail).toBe(
    'The id of passage has 2 parts, separated by commas: person_id,door.',
  )
  expect((await send(as.acme, 'GET', '/api/v2/features/visit/passage/ann,%zz')).status).toBe(400)
})

test('the operator names the tenant whose features it wants', async () => {
  const { send, as } = await startApi()
  expect((await send(as.operator, 'GET', '/api/v2/features/visit/person/ann')).body.errors?.[0]?.field).toBe('tenant')
  expect((await send(as.operator, 'GET', '/api/v2/features/visit/person/ann?tenant=acme')).status).toBe(200)
  expect((await send(as.operator, 'GET', '/api/v2/features/visit/person/nobody?tenant=acme')).body.code).toBe(
    'NOT_FOUND',
  )
})

test('the refusal of an unknown entity lists the known ones', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'GET', '/api/v2/features/visit/planet/mars')
  expect([answer.status, answer.body.code, answer.body.detail]).toEqual([
    404,
    'UNKNOWN_ENTITY',
    "Stream visit has no entity 'planet'; its entities are person, passage.",
  ])
})

test('the list of streams contains the columns and the model that serves', async () => {
  const { send, as } = await startApi()
  expect((await send(as.acme, 'GET', '/api/v2/streams')).body).toEqual({
    streams: JSON.parse(JSON.stringify(streams)) as unknown,
  })
})

test('a SELECT returns rows and whether there are more; any other statement is a bad request', async () => {
  const { send, as } = await withRows()
  const ask = (sql: string, limit?: number): ReturnType<typeof send> =>
    send(as.operator, 'POST', '/api/v2/sql', { sql, ...(limit !== undefined && { limit }) })
  expect((await ask('SELECT tenant, score FROM predictions_final', 1)).body).toEqual({
    rows: [{ tenant: 'acme', score: 0.9 }],
    more: true,
  })
  expect((await ask('SELECT tenant, score FROM predictions_final')).body['more']).toBe(false)
  expect([
    (await ask('DROP TABLE predictions')).status,
    (await ask('SELECT 1', 0)).status,
    (await ask('SELECT 1', 1_000_000)).status,
  ]).toEqual([400, 422, 422])
})

test('a SELECT with a format returns a file', async () => {
  const { send, as } = await withRows()
  const sql = 'SELECT tenant FROM predictions_final'
  const { headers, text } = await send(as.operator, 'POST', '/api/v2/sql', { sql, format: 'CSV' })
  const type = 'text/csv; charset=utf-8; header=present'
  expect([headers['content-type'], text]).toEqual([type, `CSV of ${sql}, at most 10000 rows`])
})
