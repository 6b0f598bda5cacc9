import { expect, test } from 'vitest'
import { startApi, visitOf } from '../harness.js'

test('livez answers without a key', async () => {
  const { send } = await startApi()
  const answer = await send(undefined, 'GET', '/livez')
  expect([answer.status, answer.body]).toEqual([200, { alive: true }])
})

test('it is ready while every check passes', async () => {
  const { send, engine } = await startApi()
  const ready = await send(undefined, 'GET', '/readyz')
  expect([ready.status, ready.body['ready']]).toEqual([200, true])
  engine.unready('warehouse')
  const unready = await send(undefined, 'GET', '/readyz')
  expect([unready.status, unready.body['ready']]).toEqual([503, false])
  expect(unready.body['checks']).toContainEqual({ check: 'warehouse', ok: false, detail: 'unreachable' })
})

test("requests are timed by route and events are counted by result, in the engine's own registry", async () => {
  const { send, as } = await startApi()
  await send(as.acme, 'POST', '/api/v2/events/visit', [visitOf('v1'), visitOf('v2', { person_id: 5 })])
  await send(as.acme, 'GET', '/api/v2/predictions/no-such-id')
  await send(as.acme, 'GET', '/nowhere')
  const { text, headers } = await send(undefined, 'GET', '/metrics')
  expect(headers['content-type']).toMatch(/^text\/plain; version=/)
  expect(text).toContain(
    'tidemill_http_request_duration_seconds_count{method="POST",route="/api/v2/events/:stream",status="207"} 1',
  )
  expect(text).toContain(
    'tidemill_http_request_duration_seconds_count{method="GET",route="/api/v2/predictions/:event_id",status="404"} 1',
  )
  expect(text).toContain('tidemill_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1')
  expect(text).toContain('tidemill_api_events_total{way="ingest",stream="visit",result="accepted"} 1')
  expect(text).toContain('tidemill_api_events_total{way="ingest",stream="visit",result="rejected"} 1')
  expect(text).toContain('tidemill_http_in_flight_requests 0')
  expect(text).toContain('tidemill_fake_total')
  expect(text).not.toContain('no-such-id')
})
