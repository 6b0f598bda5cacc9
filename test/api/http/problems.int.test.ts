import { expect, test } from 'vitest'
import { startApi, visitOf } from '../harness.js'

test('a problem has all members of RFC 9457, and a code for programs', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', '/api/v2/events/nothing', visitOf('v1'))
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json\b/)
  expect(answer.body).toEqual({
    type: 'urn:tidemill:problem:unknown-stream',
    title: 'Unknown stream',
    status: 404,
    code: 'UNKNOWN_STREAM',
    detail: "There is no stream 'nothing'; the streams are visit, sync.",
    instance: expect.stringMatching(/^urn:tidemill:request:[0-9a-f]{8}-\d+$/) as string,
  })
})

test('a defect answers 500 without its cause; the log contains the cause under the same id', async () => {
  const { send, as, engine, logged } = await startApi()
  engine.fail('ingest', new TypeError('cannot read secret of undefined'))
  const answer = await send(as.acme, 'POST', '/api/v2/events/visit', visitOf('v1'))
  expect([answer.status, answer.body.code]).toEqual([500, 'INTERNAL'])
  expect(answer.text).not.toMatch(/secret|stack|\.ts|at \//)
  const line = JSON.parse(logged.at(-1)!) as { requestId: string; err: { message: string; stack: string } }
  expect(answer.body.instance).toBe(`urn:tidemill:request:${line.requestId}`)
  expect(line.err.message).toBe('cannot read secret of undefined')
})

test('a stopped engine answers that it needs its operator, without the reason', async () => {
  const { send, as, engine } = await startApi()
  engine.fail('ingest', 'LOG_DAMAGED')
  const answer = await send(as.acme, 'POST', '/api/v2/events/visit', visitOf('v1'))
  expect([answer.status, answer.body.code]).toEqual([500, 'LOG_DAMAGED'])
  expect(answer.text).not.toContain('/secret/place')
})

test('requests that succeed or are refused are not logged', async () => {
  const { send, as, logged } = await startApi()
  await send(as.acme, 'POST', '/api/v2/events/visit', visitOf('v1'))
  await send(undefined, 'GET', '/api/v2/streams')
  await send(as.acme, 'GET', '/nowhere')
  expect(logged).toEqual([])
})

test('an unknown path is 404; a known path with another method is 405 and lists the allowed ones', async () => {
  const { send, as } = await startApi()
  const unknown = await send(as.acme, 'GET', '/api/v3/predict')
  expect([unknown.status, unknown.body.code]).toEqual([404, 'NOT_FOUND'])
  const wrong = await send(as.acme, 'GET', '/api/v2/predict/visit')
  expect([wrong.status, wrong.body.code, wrong.headers['allow']]).toEqual([405, 'METHOD_NOT_ALLOWED', 'POST, OPTIONS'])
  const removed = await send(as.acme, 'DELETE', '/api/v2/predictions/v1/')
  expect([removed.status, removed.headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS'])
})

test('a URL that does not decode, or whose parts are too long, is refused with a problem', async () => {
  const { send, as } = await startApi()
  const undecodable = await send(as.acme, 'GET', '/api/v2/predictions/%zz')
  expect([undecodable.status, undecodable.body.code, undecodable.headers['x-content-type-options']]).toEqual([
    400,
    'BAD_REQUEST',
    'nosniff',
  ])
  const long = await send(as.acme, 'GET', `/api/v2/predictions/${'x'.repeat(5_000)}`)
  expect([long.status, long.body.code]).toEqual([400, 'BAD_REQUEST'])
})

test('OPTIONS lists the methods, HEAD answers like GET without a body', async () => {
  const { send } = await startApi()
  const options = await send(undefined, 'OPTIONS', '/api/v2/keys')
  expect([options.status, options.headers['allow'], options.text]).toEqual([204, 'GET, HEAD, POST, OPTIONS', ''])
  const head = await send(undefined, 'HEAD', '/livez')
  expect([head.status, head.text]).toEqual([200, ''])
  expect((await send(undefined, 'HEAD', '/api/v2/streams')).status).toBe(401)
})

test('every answer has the security headers for browsers; answers with data are not cached', async () => {
  const { send, as } = await startApi()
  for (const url of ['/livez', '/nowhere', '/api/v2/streams']) {
    expect((await send(as.acme, 'GET', url)).headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    })
  }
  expect((await send(as.acme, 'GET', '/api/v2/streams')).headers['cache-control']).toBe('no-store')
  expect((await send(undefined, 'GET', '/api/v2/streams')).headers['cache-control']).toBe('no-store')
})
