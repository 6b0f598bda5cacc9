import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { limits } from '../../../src/base/limits.js'
import { startApi, visitOf } from '../harness.js'

const url = '/api/v2/events/visit'
const json = { 'content-type': 'application/json' }
const ndjson = { 'content-type': 'application/x-ndjson' }
const one = (id: string, more: object = {}): string => JSON.stringify(visitOf(id, { ...more }))

describe('a compressed body is read:', () => {
  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', (text: string) => Buffer.from(text)],
  ])('%s', async (encoding, compress) => {
    const { send, as, engine } = await startApi()
    const answer = await send(as.acme, 'POST', url, compress(one('v1')), { ...json, 'content-encoding': encoding })
    expect([answer.status, engine.log[0]?.event['event_id']]).toEqual([200, 'v1'])
    const lines = compress(`${one('v2')}\n${one('v3')}\n`)
    expect(
      (await send(as.acme, 'POST', url, lines, { ...ndjson, 'content-encoding': encoding })).body['accepted'],
    ).toBe(2)
  })
})

test('a compressed body is bounded by its decompressed size, and its memory is counted as the largest', async () => {
  const { send, as, engine } = await startApi()
  const bomb = gzipSync(Buffer.alloc(limits.apiBodyBytes + 1, ' '))
  expect(bomb.length).toBeLessThan(100_000)
  const answer = await send(as.acme, 'POST', url, bomb, { ...json, 'content-encoding': 'gzip' })
  expect([answer.status, answer.body.code]).toEqual([413, 'TOO_LARGE'])
  const held = await startApi({ bounds: { requests: 100, bytes: limits.apiBodyBytes } })
  const release = held.engine.hold('ingest')
  const first = held.send(held.as.acme, 'POST', url, gzipSync(one('v1')), { ...json, 'content-encoding': 'gzip' })
  await expect.poll(() => held.send(held.as.acme, 'POST', url, one('v2'), json).then(({ status }) => status)).toBe(503)
  release()
  expect((await first).status).toBe(200)
  expect(engine.log).toEqual([])
})

test.each([
  ['zstd', /Content-Encoding zstd; send gzip, deflate, br/],
  ['gzip, gzip', /Content-Encoding gzip, gzip/],
  ['constructor', /Content-Encoding constructor/],
])('an unknown encoding is 415 with those that are read: %s', async (encoding, message) => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', url, one('v1'), { ...json, 'content-encoding': encoding })
  expect([answer.status, answer.body.code, answer.headers['accept-encoding']]).toEqual([
    415,
    'UNSUPPORTED_TYPE',
    'gzip, deflate, br',
  ])
  expect(answer.body.detail).toMatch(message)
})

test('a body that is not what its encoding says is refused with the encoding', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', url, one('v1'), { ...json, 'content-encoding': 'gzip' })
  expect([answer.status, answer.body.code]).toEqual([400, 'BAD_REQUEST'])
  expect(answer.body.detail).toMatch(/not gzip, which Content-Encoding names/)
})

describe('a body that is not UTF-8 is refused with the cause:', () => {
  test.each<[string, Buffer, RegExp]>([
    ['Latin-1', Buffer.from(one('v1', { person_id: 'Müller' }), 'latin1'), /byte 0xfc at position \d+ .*Latin-1/],
    ['UTF-16', Buffer.from(`\ufeff${one('v1')}`, 'utf16le'), /UTF-16/],
    ['gzip', gzipSync(one('v1')), /gzip.*Content-Encoding/],
  ])('%s', async (_, body, message) => {
    const { send, as, engine } = await startApi()
    for (const path of [url, '/api/v2/predict/visit', '/api/v2/outcomes']) {
      const answer = await send(as.acme, 'POST', path, body, json)
      expect([answer.status, answer.body.code]).toEqual([400, 'BAD_JSON'])
      expect(answer.body.detail).toMatch(message)
    }
    expect(engine.log).toEqual([])
  })

  test('a charset that the content type names', async () => {
    const { send, as } = await startApi()
    const wrong = { 'content-type': 'application/json; charset=ISO-8859-1' }
    const answer = await send(as.acme, 'POST', url, one('v1'), wrong)
    expect([answer.status, answer.body.detail]).toEqual([415, 'The body has charset ISO-8859-1; send UTF-8.'])
    const right = { 'content-type': 'application/json; charset="UTF-8"' }
    expect((await send(as.acme, 'POST', url, one('v1'), right)).status).toBe(200)
  })
})

test('of lines, those that are not UTF-8 are refused, and the others are taken', async () => {
  const { send, as, engine } = await startApi()
  const latin = Buffer.from(one('v2', { person_id: 'Müller' }), 'latin1')
  const body = Buffer.concat([
    Buffer.from(`\ufeff${one('v1')}\n`),
    latin,
    Buffer.from(`\n${one('v3', { person_id: 'Müller' })}`),
  ])
  const answer = await send(as.acme, 'POST', url, body, ndjson)
  expect(answer.status).toBe(207)
  expect(answer.text).toMatch(/line 2: not UTF-8: byte 0xfc/)
  expect(engine.log.map(({ event }) => [event['event_id'], event['person_id']])).toEqual([
    ['v1', 'ann'],
    ['v3', 'Müller'],
  ])
})

test('a poisoned event decides for no other event of its list', async () => {
  const { send, as, engine } = await startApi()
  const body = `[${one('v1')}, {"event_id": "v2", "__proto__": {"tenant_id": "globex"}}, ${one('v3')}]`
  const answer = await send(as.acme, 'POST', url, body, json)
  expect([answer.status, answer.body['accepted']]).toEqual([207, 2])
  expect(engine.log.map(({ event }) => event['event_id'])).toEqual(['v1', 'v3'])
  expect((await send(as.acme, 'POST', '/api/v2/outcomes', '{"__proto__": {"label": 1}}', json)).body.code).toBe(
    'BAD_JSON',
  )
})

test('an outcome with half of a surrogate pair is refused, because it would be that of another event', async () => {
  const { send, as } = await startApi()
  const answer = await send(as.acme, 'POST', '/api/v2/outcomes', { stream: 'visit', event_id: 'e\ud800', label: 1 })
  expect([answer.status, answer.body.errors?.[0]?.field]).toEqual([422, 'event_id'])
})
