import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, onTestFinished, test } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { isEngineError } from '../../../src/base/errors.js'
import { limits } from '../../../src/base/limits.js'
import { openSchemaRegistry, type SchemaRegistry } from '../../../src/streams/registry/confluent/registry.js'
import type { AvroRecord } from '../../../src/contracts/streams.js'
import { certificatesIn } from '../../certificates.js'
import { doors } from '../../fixtures/doors.js'
import { registryServer } from './registry-server.js'

/** A clock that does not wait. */
const quick = (): Clock & { pass(ms: number): void; readonly slept: readonly number[] } => {
  let now = 1_767_600_000_000
  const slept: number[] = []
  return {
    nowMs: () => now,
    slept,
    pass: (ms) => void (now += ms),
    sleep: async (ms) => void ((now += ms), slept.push(ms)),
  }
}

const opened: SchemaRegistry[] = []
function open(url: string, more: Partial<Parameters<typeof openSchemaRegistry>[0]> = {}): SchemaRegistry {
  const registry = openSchemaRegistry({ url, clock: quick(), ...more })
  opened.push(registry)
  return registry
}
afterEach(() => {
  for (const registry of opened.splice(0)) registry.close()
})

const withFields = (...fields: AvroRecord['fields']): AvroRecord => ({
  ...doors.schema,
  fields: [...doors.schema.fields, ...fields],
})
const optional = { name: 'colour', type: ['null', 'string'], default: null } as const
const required = { name: 'colour', type: 'string' } as const

async function down(ask: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(ask, (error) => {
    assert.ok(isEngineError(error, 'REGISTRY_DOWN'), String(error))
    assert.equal(error.disposition, 'retry')
    assert.match(error.message, message)
    return true
  })
}

describe('a real registry', () => {
  const server = registryServer()

  test('gives back what was registered, by subject and by id', async () => {
    const registry = open(server().url)
    assert.deepEqual(
      [await registry.latest('a-value'), await registry.find('a-value', doors.schema)],
      [undefined, undefined],
    )
    const id = await registry.register('a-value', doors.schema)
    assert.deepEqual(await registry.latest('a-value'), { id, version: 1, text: JSON.stringify(doors.schema) })
    const schema = (await registry.resolve([id])).get(id)
    assert.ok(schema?.kind === 'avro')
    assert.deepEqual(
      schema.record.fields.map(({ name }) => name),
      doors.schema.fields.map(({ name }) => name),
    )
  })

  test('registers the same schema once', async () => {
    const registry = open(server().url)
    const ids = [await registry.register('b-value', doors.schema), await registry.register('b-value', doors.schema)]
    assert.equal(ids[0], ids[1])
    assert.equal((await registry.find('b-value', doors.schema))?.version, 1)
  })

  test('judges by the level of the subject, and refuses to register what it judges incompatible', async () => {
    const registry = open(server().url)
    await registry.register('c-value', doors.schema)
    await fetch(`${server().url}/config/c-value`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"compatibility":"BACKWARD"}',
    })
    assert.deepEqual(await registry.judge('c-value', withFields(optional)), {
      compatible: true,
      level: 'BACKWARD',
      reasons: [],
    })
    assert.equal((await registry.judge('c-value', withFields(required))).compatible, false)
    await assert.rejects(
      registry.register('c-value', withFields(required)),
      (error) => isEngineError(error, 'SCHEMA_MISMATCH') && error.message.includes("'c-value'"),
    )
    assert.equal((await registry.latest('c-value'))?.version, 1)
  })

  test('has nothing against the first schema of a subject', async () => {
    assert.equal((await open(server().url).judge('d-value', doors.schema)).compatible, true)
  })

  test('is asked twice for an id that it does not know, and then not again for a while', async () => {
    const clock = quick()
    const registry = open(server().url, { clock })
    const unknown = (await registry.resolve([999_999])).get(999_999)
    assert.deepEqual(unknown, { kind: 'unknown' })
    assert.deepEqual(clock.slept, [limits.registrySecondCheckMs])
    assert.equal((await registry.resolve([999_999])).get(999_999), unknown)
    clock.pass(limits.unknownSchemaMs)
    assert.notEqual((await registry.resolve([999_999])).get(999_999), unknown)
  })

  test('remembers a schema, so that what is made of it can be kept', async () => {
    const registry = open(server().url)
    const id = await registry.register('e-value', doors.schema)
    const [first, second] = [await registry.resolve([id]), await registry.resolve([id])]
    assert.equal(first.get(id), second.get(id))
  })
})

/** Something that listens where a registry should, and what it was asked. */
async function listening(answer: RequestListener): Promise<{ url: string; readonly asked: string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method!} ${request.url!}`)
    answer(request, response)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const json =
  (status: number, body: object): RequestListener =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(JSON.stringify(body))
const schemaAnswer = (schema: unknown, more: object = {}) => json(200, { schema: JSON.stringify(schema), ...more })

describe('what is no answer of a registry is waited out, never held against a record', () => {
  test.each<[string, RequestListener, RegExp]>([
    [
      'a 404 of somebody else',
      (_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no</h1>'),
      /answered 404 .*check schemaRegistry\.url/,
    ],
    [
      'a page that says 200',
      (_, response) => response.end('<h1>sign in</h1>'),
      /answered 200 .*check schemaRegistry\.url/,
    ],
    ['trouble', json(503, { message: 'starting' }), /is in trouble: it answered 503/],
    ['a refusal of the credentials', json(401, { error_code: 401, message: 'no' }), /refuses the credentials \(401\)/],
    ['a connection that is cut at once', (request) => void request.socket.destroy(), /does not answer: socket hang up/],
  ])('%s', async (_, answer, message) => {
    const { url } = await listening(answer)
    const registry = open(url)
    await down(registry.resolve([1]), message)
    await down(registry.latest('a-value'), message)
  })

  test('an answer that is cut off in the middle, for the next asker neither', async () => {
    let times = 0
    const { url } = await listening((request, response) => {
      if (times++ > 0) return void schemaAnswer(doors.schema)(request, response)
      response.writeHead(200, { 'content-length': 1_000 }).write('{"schema":"')
      setImmediate(() => response.destroy())
    })
    const registry = open(url, { timeoutMs: 300 })
    await down(registry.resolve([1]), /did not answer within 300 ms/)
    assert.equal((await registry.resolve([1])).get(1)?.kind, 'avro')
  })

  test('nobody at all, and no word of the credentials', async () => {
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

  test('and the ids that were not asked for yet are left alone', async () => {
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
    ['no record', schemaAnswer('string'), /it is "string"/],
    ['of a kind that nobody knows', schemaAnswer({}, { schemaType: 'THRIFT' }), /invalid schemaType/],
    ['damaged', json(200, { schema: '{"type":"recor' }), /JSON/],
  ])('that is %s is unfit', async (_, answer, why) => {
    const schema = (await resolved(answer)) as { kind: string; why: string }
    assert.equal(schema.kind, 'unfit')
    assert.match(schema.why, why)
  })

  test('may refer to others', async () => {
    const schema = await resolved((request, response) => {
      if (request.url!.includes('/subjects/place/versions/3'))
        return void schemaAnswer({ type: 'record', name: 'x.Place', fields: [{ name: 'lat', type: 'double' }] })(
          request,
          response,
        )
      schemaAnswer(
        { type: 'record', name: 'x.Pass', fields: [{ name: 'at', type: 'x.Place' }] },
        { references: [{ name: 'x.Place', subject: 'place', version: 3 }] },
      )(request, response)
    })
    assert.deepEqual(schema, {
      kind: 'avro',
      record: {
        type: 'record',
        name: 'x.Pass',
        fields: [{ name: 'at', type: { type: 'record', name: 'x.Place', fields: [{ name: 'lat', type: 'double' }] } }],
      },
    })
  })

  test('is asked for once by all who meet it at the same time', async () => {
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

test(
  'over TLS the registry is believed when the authority is given, and with a name and password it is asked as ' +
    'somebody',
  async () => {
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
  },
)

test('what is no URL is refused at start, and not repeated', () => {
  for (const url of ['registry:8081', 'ftp://ann:secret@x', ''])
    assert.throws(
      () => openSchemaRegistry({ url, clock: quick() }),
      (error) => isEngineError(error, 'BAD_CONFIG') && !error.message.includes('secret'),
    )
})
