import { Agent, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { listen } from '../../../src/api/http/listen.js'
import { systemClock } from '../../../src/base/clock.js'
import { limits } from '../../../src/base/limits.js'
import { startApi, visitOf, type Api } from '../harness.js'

const host = '127.0.0.1'

interface Sent {
  readonly status: number
  readonly text: string
  readonly headers: IncomingMessage['headers']
}

/** A client with keep-alive connections. */
function client(
  url: string,
  key: string,
): (path: string, body?: unknown, headers?: OutgoingHttpHeaders) => Promise<Sent> {
  const agent = new Agent({ keepAlive: true })
  onTestFinished(() => agent.destroy())
  return async (path, body, headers = {}) => {
    const sending = request(`${url}${path}`, {
      agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    })
    sending.end(body === undefined ? undefined : JSON.stringify(body))
    const [response] = (await once(sending, 'response')) as [IncomingMessage]
    const parts: Buffer[] = []
    for await (const part of response) parts.push(part as Buffer)
    return { status: response.statusCode!, text: Buffer.concat(parts).toString(), headers: response.headers }
  }
}

const inFlight = async ({ engine }: Api): Promise<string> =>
  /in_flight_requests (\d+)[^]*in_flight_bytes (\d+)/
    .exec(await engine.metrics.metrics())!
    .slice(1)
    .join(' requests, ') + ' bytes'

test('closing answers requests in flight, refuses later ones, and ends', async () => {
  const api = await startApi({ clock: systemClock })
  const url = await listen(api.app, { host, port: 0, anyPort: false })
  const send = client(url, api.as.acme)
  await send('/livez')
  const release = api.engine.hold('ingest')
  const pending = send('/api/v2/events/visit', visitOf('v1'))
  await vi.waitUntil(async () => (await inFlight(api)).startsWith('1 '))

  let closed = false
  const closing = api.app.close().then(() => (closed = true))
  await vi.waitFor(() => expect(api.app.server.listening).toBe(false))
  expect(closed).toBe(false)
  release()
  const answer = await pending
  expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { event_id: 'v1', partition: 0, offset: 0 }])
  await closing
  await expect(send('/livez')).rejects.toThrow('ECONNREFUSED')
})

test('the last answer on a connection closes it', async () => {
  const api = await startApi({ clock: systemClock })
  const url = await listen(api.app, { host, port: 0, anyPort: false })
  const release = api.engine.hold('ingest')
  const socket = connect(Number(new URL(url).port), host)
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => (text += part))
  const body = JSON.stringify(visitOf('v1'))
  const post =
    `POST /api/v2/events/visit HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.as.acme}\r\ncontent-type: ` +
    `application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  socket.write(post)
  await vi.waitUntil(async () => (await inFlight(api)).startsWith('1 '))
  const closing = api.app.close()
  await vi.waitFor(() => expect(api.app.server.listening).toBe(false))
  release()
  await closing
  await vi.waitUntil(() => socket.closed)
  expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(text).toMatch(/^connection: close\r$/m)
})

test('a request that arrives while the API closes gets CLOSING', async () => {
  const api = await startApi({ clock: systemClock })
  const url = await listen(api.app, { host, port: 0, anyPort: false })
  const socket = connect(Number(new URL(url).port), host)
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => (text += part))
  socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /api/v2/streams HTTP/1.1\r\n')
  await vi.waitUntil(() => text.includes('alive'))
  const closing = api.app.close()
  await vi.waitFor(() => expect(api.app.server.listening).toBe(false))
  socket.write(`host: x\r\nauthorization: Bearer ${api.as.acme}\r\n\r\n`)
  await closing
  await vi.waitUntil(() => socket.closed)
  expect(text).toMatch(/HTTP\/1\.1 503 [^]*^connection: close\r$[^]*"code":"CLOSING"/im)
})

test('an unfinished request does not prevent the end', async () => {
  const api = await startApi()
  const url = await listen(api.app, { host, port: 0, anyPort: false })
  const socket = connect(Number(new URL(url).port), host)
  socket.write(
    `POST /api/v2/events/visit HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.as.acme}\r\ncontent-type: ` +
      `application/json\r\ncontent-length: 500\r\n\r\n{`,
  )
  socket.on('error', () => undefined)
  await vi.waitUntil(async () => (await inFlight(api)).startsWith('1 '))
  await api.app.close()
  await vi.waitUntil(() => socket.closed)
})

test('requests beyond the bounds get 503, and are accepted when there is room', async () => {
  const api = await startApi({ bounds: { requests: 2, bytes: 1_000 } })
  const send = client(await listen(api.app, { host, port: 0, anyPort: false }), api.as.acme)
  const release = api.engine.hold('ingest')
  const large = send('/api/v2/events/visit', visitOf('v1', { door: 'x'.repeat(2_000) }))
  await vi.waitUntil(async () => (await inFlight(api)).startsWith('1 '))
  const bytes = await send('/api/v2/events/visit', visitOf('v2'))
  expect([bytes.status, bytes.headers['retry-after'], bytes.text]).toEqual([
    503,
    '1',
    expect.stringContaining('OVERLOADED'),
  ])
  expect((await send('/api/v2/streams')).status).toBe(200)
  release()
  expect((await large).status).toBe(200)
  await vi.waitUntil(async () => (await inFlight(api)) === '0 requests, 0 bytes')
  expect((await send('/api/v2/events/visit', visitOf('v2'))).status).toBe(200)
})

test('too many requests at once are refused, regardless of their size', async () => {
  const api = await startApi({ bounds: { requests: 1, bytes: 1_000 } })
  const send = client(await listen(api.app, { host, port: 0, anyPort: false }), api.as.acme)
  const release = api.engine.hold('features')
  const first = send('/api/v2/features/visit/person/ann')
  await vi.waitUntil(async () => (await inFlight(api)).startsWith('1 '))
  expect((await send('/api/v2/streams')).status).toBe(503)
  release()
  expect((await first).status).toBe(200)
})

test('a caller that disconnects frees its place', async () => {
  const api = await startApi()
  const url = await listen(api.app, { host, port: 0, anyPort: false })
  const socket = connect(Number(new URL(url).port), host)
  socket.write(
    `POST /api/v2/events/visit HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.as.acme}\r\ncontent-type: ` +
      `application/json\r\ncontent-length: 500\r\n\r\n{`,
  )
  await vi.waitUntil(async () => (await inFlight(api)) === '1 requests, 500 bytes')
  socket.destroy()
  await vi.waitUntil(async () => (await inFlight(api)) === '0 requests, 0 bytes')
})

test('a body whose declared length is too large is refused before it is sent', async () => {
  const api = await startApi()
  const send = client(await listen(api.app, { host, port: 0, anyPort: false }), api.as.acme)
  const refused = await send('/api/v2/events/visit', visitOf('v1', { door: 'x'.repeat(limits.apiBodyBytes) }))
  expect([refused.status, refused.text]).toEqual([413, expect.stringContaining('TOO_LARGE')])
})

test('a free port replaces a port in use only with `anyPort`', async () => {
  const [first, second, third] = [await startApi(), await startApi(), await startApi()]
  await listen(first.app, { host, port: 0, anyPort: false })
  const { port } = first.app.server.address() as AddressInfo
  const url = await listen(second.app, { host, port, anyPort: true })
  expect([new URL(url).hostname, new URL(url).port === String(port)]).toEqual([host, false])
  expect((await client(url, second.as.acme)('/livez')).status).toBe(200)
  await expect(listen(third.app, { host, port, anyPort: false })).rejects.toMatchObject({
    code: 'BAD_CONFIG',
    message: expect.stringContaining(`port ${port}`) as string,
  })
})
