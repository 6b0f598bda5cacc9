import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { limits } from '../../../src/base/limits.js'
import { openSchemaRegistry } from '../../../src/streams/registry/confluent/registry.js'
import { certificatesIn } from '../../certificates.js'
import { doors } from '../../fixtures/doors.js'
import { down, json, listening, open, quick, schemaAnswer } from './open-registry.js'

describe('REGISTRY_DOWN is thrown for everything but the answer of a registry:', () => {
  test.each<[string, RequestListener, RegExp]>([
    [
      'a 404 of another server',
      (_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no</h1>'),
      /answered 404 .*check schemaRegistry\.url/,
    ],
    [
      'a page with status 200',
      (_, response) => response.end('<h1>sign in</h1>'),
      /answered 200 .*check schemaRegistry\.url/,
    ],
    ['a 503', json(503, { message: 'starting' }), /has an error: it answered 503/],
    ['a refusal of the credentials', json(401, { error_code: 401, message: 'no' }), /refuses the credentials \(401\)/],
    ['a connection that breaks at once', (request) => void request.socket.destroy(), /does not answer: socket hang up/],
  ])('%s', async (_, answer, message) => {
    const { url } = await listening(answer)
    const registry = open(url)
    await down(registry.resolve([1]), message)
    await down(registry.latest('a-value'), message)
  })

  test('an answer that breaks in the middle; the next request succeeds', async () => {
    let times = 0
    const { url } = await listening((request, response) => {
      if (times++ > 0) return void schemaAnswer(doors.schema)(request, response)
      response.writeHead(200, { 'content-length': 1_000 }).write('{"schema":"')
      setImmediate(() => response.destroy())
    })
    const registry = open(url, { timeoutMs: 300 })
    await down(registry.resolve([1]), /does not answer: aborted/)
    assert.equal((await registry.resolve([1])).get(1)?.kind, 'avro')
  })

  test('an unreachable server; the error does not contain the credentials', async () => {
    const registry = open('http://ann:secret@127.0.0.1:1/apis')
    await down(
      registry.resolve([1]),
      /^the schema registry at http:\/\/127\.0\.0\.1:1\/apis does not answer: connect ECONNREFUSED/,
    )
    await down(
      registry.latest('a-value'),
      /^the schema registry at http:\/\/127\.0\.0\.1:1\/apis does not answer: connect ECONNREFUSED/,
    )
  })

  test('after a failure, the remaining ids are not requested', async () => {
    const { url, asked } = await listening(json(503, {}))
    await down(open(url).resolve(Array.from({ length: 1_000 }, (_, i) => i)), /503/)
    assert.ok(asked.length <= 2 * limits.registryRequests, `${asked.length} requests`)
  })
})

describe('a schema under an id', () => {
  const resolved = async (answer: RequestListener): Promise<unknown> =>
    (await open((await listening(answer)).url).resolve([7])).get(7)

  test.each<[string, RequestListener, RegExp]>([
    ['a JSON schema', json(200, { schemaType: 'JSON', schema: '{"type":"object"}' }), /JSON or Protobuf/],
    ['not a record', schemaAnswer('string'), /it is "string"/],
    ['of an unknown kind', schemaAnswer({}, { schemaType: 'THRIFT' }), /unknown kind of schema, "THRIFT"/],
    ['damaged', json(200, { schema: '{"type":"recor' }), /JSON/],
  ])('that is %s is unfit', async (_, answer, why) => {
    const schema = (await resolved(answer)) as { kind: string; why: string }
    assert.equal(schema.kind, 'unfit')
    assert.match(schema.why, why)
  })

  test('comes with those that it refers to, each after those that it refers to itself', async () => {
    const [lat, place] = [
      { type: 'fixed', name: 'x.Lat', size: 8 },
      { type: 'record', name: 'x.Place', fields: [{ name: 'lat', type: 'x.Lat' }] },
    ]
    const pass = { type: 'record', name: 'x.Pass', fields: [{ name: 'at', type: 'x.Place' }] }
    const refersTo = (name: string) => ({ references: [{ name, subject: name, version: 3 }] })
    const schema = await resolved((request, response) => {
      const { url = '' } = request
      const answer = url.includes('/subjects/x.Lat/versions/3')
        ? schemaAnswer(lat)
        : url.includes('/subjects/x.Place/versions/3')
          ? schemaAnswer(place, refersTo('x.Lat'))
          : schemaAnswer(pass, refersTo('x.Place'))
      void answer(request, response)
    })
    assert.deepEqual(schema, { kind: 'avro', record: pass, references: [lat, place] })
  })

  test('is as its producer registered it, with logical types and any default', async () => {
    const schema = {
      type: 'record',
      name: 'Pass',
      fields: [
        { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
        { name: 'channel', type: ['null', 'string'], default: 'web' },
      ],
    }
    assert.deepEqual(await resolved(schemaAnswer(schema)), { kind: 'avro', record: schema })
  })

  test('that refers to a damaged one, or to itself, is unfit or ends', async () => {
    const damaged = await resolved((request, response) =>
      (request.url!.includes('/subjects/')
        ? json(200, { schema: '{"type":' })
        : schemaAnswer(doors.schema, { references: [{ name: 'x', subject: 'x', version: 1 }] }))(request, response),
    )
    assert.equal((damaged as { kind: string }).kind, 'unfit')
    const loop = schemaAnswer(doors.schema, { references: [{ name: 'x', subject: 'x', version: 1 }] })
    assert.equal(((await resolved(loop)) as { kind: string }).kind, 'avro')
  })

  test('is requested once by all callers that need it at the same time', async () => {
    const { url, asked } = await listening(schemaAnswer(doors.schema))
    const registry = open(url)
    await Promise.all([registry.resolve([7]), registry.resolve([7, 8]), registry.resolve([8])])
    assert.deepEqual(asked.toSorted(), ['GET /schemas/ids/7', 'GET /schemas/ids/8'])
  })
})

test.each([
  ['a name and password', { username: 'ann', password: 'secret' }, 'Basic YW5uOnNlY3JldA=='],
  ['a token', { token: 'abc' }, 'Bearer abc'],
])('%s goes with every request', async (_, credentials, expected) => {
  const seen: (string | undefined)[] = []
  const { url } = await listening((request, response) => {
    seen.push(request.headers.authorization)
    schemaAnswer(doors.schema)(request, response)
  })
  const registry = open(url, credentials)
  await registry.resolve([1])
  await registry.latest('a-value')
  assert.deepEqual(seen, [expected, expected])
})

test('over TLS the registry is trusted when the authority is given, and requests contain the credentials', async () => {
  const certificates = certificatesIn(await mkdtemp(join(tmpdir(), 'tidemill-registry-tls-')))
  certificates.authority('ca', '/CN=An authority')
  certificates.authority('ca-other', '/CN=Another authority')
  certificates.issue('server', '/CN=registry', 'subjectAltName=IP:127.0.0.1')
  const server = createTlsServer(
    { key: certificates.pem('server.key'), cert: certificates.pem('server.pem') },
    (request, response) => {
      if (request.headers.authorization === 'Basic YW5uOnNlY3JldA==') schemaAnswer(doors.schema)(request, response)
      else json(401, { error_code: 401, message: 'no' })(request, response)
    },
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ca = (name: string): string => certificates.pem(`${name}.pem`).toString()
  assert.equal(
    (await open(url, { ca: ca('ca'), username: 'ann', password: 'secret' }).resolve([1])).get(1)?.kind,
    'avro',
  )
  await down(
    open(url, { ca: ca('ca'), username: 'ann', password: 'gue55' }).latest('a-value'),
    /^(?!.*gue55).*refuses the credentials \(401\)/,
  )
  await down(
    open(url, { ca: ca('ca-other'), username: 'ann', password: 'secret' }).latest('a-value'),
    /^(?!.*secret).*does not answer: .*certificate/,
  )
})

test('an invalid URL is refused at start, and the error does not repeat it', () => {
  for (const url of ['registry:8081', 'ftp://ann:secret@x', ''])
    assert.throws(
      () => openSchemaRegistry({ url, clock: quick() }),
      (error) => isEngineError(error, 'BAD_CONFIG') && !error.message.includes('secret'),
    )
})
