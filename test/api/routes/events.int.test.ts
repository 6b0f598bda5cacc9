import { expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.js'
import { startApi, visitOf, type Answer } from '../harness.js'

const url = '/api/v2/events/visit'
const codes = (answer: Answer): unknown[] =>
  (answer.body['results'] as { error?: { code: string } }[]).map((result) => result.error?.code)

test('one event is acknowledged with its position, once it is in the log', async () => {
  const { send, as, engine } = await startApi()
  const release = engine.hold('ingest')
  let answered = false
  const pending = send(as.acme, 'POST', url, visitOf('v1')).finally(() => (answered = true))
  await new Promise(setImmediate)
  expect(answered).toBe(false)
  release()
  const answer = await pending
  expect([answer.status, answer.body]).toEqual([200, { event_id: 'v1', partition: 0, offset: 0 }])
  expect(engine.log[0]?.event).toEqual({ ...visitOf('v1'), tenant_id: 'acme' })
})

test.each([
  ['a list', (events: object[]) => events],
  ['an envelope', (events: object[]) => ({ events })],
])('%s of events gives one result each, in order', async (_name, wrap) => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', url, wrap([visitOf('v1'), visitOf('v2')]))
  expect(answer.status).toBe(200)
  expect(answer.body).toEqual({
    accepted: 2,
    rejected: 0,
    results: [
      { event_id: 'v1', partition: 0, offset: 0 },
      { event_id: 'v2', partition: 0, offset: 1 },
    ],
  })
})

test('NDJSON lines are events; a line that is not JSON is rejected and the others are accepted', async () => {
  const { send, as, engine } = await startApi()
  const lines = [JSON.stringify(visitOf('v1')), '', '{"event_id": ', JSON.stringify(visitOf('v2')), ''].join('\r\n')
  const answer = await send(as.acme, 'POST', url, lines, { 'content-type': 'application/x-ndjson' })
  expect([answer.status, answer.body['accepted'], answer.body['rejected']]).toEqual([207, 2, 1])
  expect(codes(answer)).toEqual([undefined, 'BAD_JSON', undefined])
  expect(answer.text).toContain('line 3')
  expect(engine.log.map(({ event }) => event['event_id'])).toEqual(['v1', 'v2'])
})

test.each(['application/avro', 'avro/binary'])('a body of %s is one event', async (type) => {
  const { send, as, engine } = await startApi()
  const body = Buffer.concat([Buffer.from([0xc3]), Buffer.from(JSON.stringify(visitOf('v1')))])
  const answer = await send(as.acme, 'POST', url, body, { 'content-type': type })
  expect([answer.status, answer.body['event_id']]).toEqual([200, 'v1'])
  expect(engine.log[0]?.event['tenant_id']).toBe('acme')
})

test('the good events of a batch are accepted and the bad ones rejected, in the order of the body', async () => {
  const { send, as, engine } = await startApi()
  const answer = await send(as.acme, 'POST', url, [
    visitOf('v1', { tenant_id: 'globex' }),
    visitOf('v2'),
    visitOf('v3', { person_id: 5 }),
    'text',
    visitOf('v4'),
  ])
  expect(answer.status).toBe(207)
  expect(codes(answer)).toEqual(['FORBIDDEN', undefined, 'BAD_FIELD', 'BAD_FIELD', undefined])
  expect((answer.body['results'] as object[])[0]).toEqual({
    event_id: 'v1',
    error: { code: 'FORBIDDEN', message: 'the event names another tenant than the key', field: 'tenant_id' },
  })
  expect(engine.log.map(({ event }) => event['event_id'])).toEqual(['v2', 'v4'])
})

test('a batch without a good event is refused, with a reason per event', async () => {
  const { send, as } = await startApi()
  const mixed = await send(as.acme, 'POST', url, [
    visitOf('v1', { person_id: 5 }),
    visitOf('v2', { tenant_id: 'globex' }),
  ])
  expect([mixed.status, mixed.body.code, codes(mixed)]).toEqual([422, 'BAD_BATCH', ['BAD_FIELD', 'FORBIDDEN']])
  const alike = await send(as.acme, 'POST', url, [visitOf('v1', { person_id: 5 }), visitOf('v2', { way: undefined })])
  expect([alike.status, alike.body.code]).toEqual([422, 'BAD_FIELD'])
})

test.each([
  ['a missing field', visitOf('v1', { person_id: undefined }), 422, 'BAD_FIELD'],
  ['an event of 1 MB', visitOf('v1', { door: 'x'.repeat(1 << 20) }), 413, 'TOO_LARGE'],
  ['another tenant', visitOf('v1', { tenant_id: 'globex' }), 403, 'FORBIDDEN'],
  ['a tenant that is a number', visitOf('v1', { tenant_id: 5 }), 403, 'FORBIDDEN'],
  ['text', '"text"', 422, 'BAD_FIELD'],
  ['half an object', '{"event_id":', 400, 'BAD_JSON'],
  ['nothing', '', 400, 'BAD_JSON'],
  ['an empty batch', [], 400, 'BAD_REQUEST'],
  ['a poisoned prototype', '{"__proto__": {"tenant_id": "globex"}}', 400, 'BAD_JSON'],
])('%s is refused', async (_name, body, status, code) => {
  const { send, as, engine } = await startApi()
  const answer = await send(as.acme, 'POST', url, body, { 'content-type': 'application/json' })
  expect([answer.status, answer.body.code, engine.log.length]).toEqual([status, code, 0])
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json\b/)
})

test('the refusal of an event names the invalid field', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', url, visitOf('v1', { person_id: 5 }))
  expect(answer.body.errors).toEqual([{ field: 'person_id', message: 'person_id is not a string' }])
})

test('too many events or bytes are refused before they reach the engine', async () => {
  const { send, as, engine } = await startApi()
  const many = await send(
    as.acme,
    'POST',
    url,
    Array.from({ length: limits.apiBatch + 1 }, (_, i) => visitOf(`v${i}`)),
  )
  expect([many.status, many.body.detail]).toEqual([
    413,
    `The body contains ${limits.apiBatch + 1} events; a request may contain at most ${limits.apiBatch}.`,
  ])
  const large = await send(as.acme, 'POST', url, [visitOf('v1', { door: 'x'.repeat(limits.apiBodyBytes) })])
  expect([large.status, large.body.code]).toEqual([413, 'TOO_LARGE'])
  expect(engine.log).toHaveLength(0)
})

test('an unknown stream is 404 and names the streams; an unknown content type is 415', async () => {
  const { send, as } = await startApi()
  const stream = await send(as.acme, 'POST', '/api/v2/events/nothing', visitOf('v1'))
  expect([stream.status, stream.body.code, stream.body.detail]).toEqual([
    404,
    'UNKNOWN_STREAM',
    expect.stringContaining('visit, sync'),
  ])
  expect((await send(as.acme, 'POST', url, '<v/>', { 'content-type': 'text/xml' })).status).toBe(415)
})

test('Avro that does not decode is 400', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', url, Buffer.from([1, 2]), { 'content-type': 'application/avro' })
  expect([answer.status, answer.body.code]).toEqual([400, 'BAD_AVRO'])
})

test('the operator writes for any tenant and must name it', async () => {
  const { send, as, engine } = await startApi()
  expect((await send(as.operator, 'POST', url, visitOf('v1', { tenant_id: 'globex' }))).status).toBe(200)
  expect(engine.log[0]?.caller.tenant).toBe('*')
  expect((await send(as.operator, 'POST', url, visitOf('v2'))).body.errors).toEqual([
    expect.objectContaining({ field: 'tenant_id' }),
  ])
  expect((await send(as.operator, 'POST', url, visitOf('v3', { tenant_id: 'nobody' }))).body.code).toBe(
    'UNKNOWN_TENANT',
  )
})

test.each([
  ['DISK_FULL', 507, '60'],
  ['LOG_DOWN', 503, '5'],
  ['FENCED', 503, '1'],
] as const)('%s acknowledges nothing and has Retry-After', async (code, status, seconds) => {
  const { send, as, engine } = await startApi()
  engine.fail('ingest', code)
  const answer = await send(as.acme, 'POST', url, [visitOf('v1')])
  expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([status, code, seconds])
  expect(answer.text).not.toContain('/secret/place')
})
