import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, onTestFinished, test } from 'vitest'
import type { AvroField } from '../../../src/contracts/streams.js'
import { registryServer } from '../../streams/registry/registry-server.js'
import { tidemill, type Ran } from '../harness.js'

const server = registryServer()

const fields: readonly AvroField[] = [
  { name: 'event_id', type: 'string' },
  { name: 'tenant_id', type: 'string' },
  { name: 'door', type: 'string' },
  { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
]
const colour = { name: 'colour', type: ['null', 'string'], default: null }

/** A folder with a stream of a user's on a topic of its own, and the commands on it. */
function userStreams() {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-schemas-'))
  const name = `doors-${folder
    .slice(-6)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, 'x')}`
  writeFileSync(
    join(folder, 'doors.ts'),
    `
    import { avsc, count, defineStream } from 'tidemill'
    export const doors = defineStream({
      name: '${name}', schema: avsc(import.meta.url, './door.avsc'),
      id: 'event_id', time: 'at', tenant: 'tenant_id', entities: { door: 'door' },
      features: { passes_1h: count('1h', { by: 'door' }) }, heuristic: () => 0.1,
      risk: { high: 0.8, medium: 0.5 }, outcome: { matureAfter: '7d', silenceMeans: 'unknown' },
    })`,
  )
  const have = (own: readonly AvroField[]): void =>
    writeFileSync(
      join(folder, 'door.avsc'),
      JSON.stringify({ type: 'record', name: 'Door', namespace: 'test', fields: own }),
    )
  have(fields)
  const run = (command: string, ...more: readonly string[]): Promise<Ran> =>
    tidemill(['schemas', command, '--registry', server().url, '--builtin-streams', '', '--streams', folder, ...more])
  return { subject: `${name}-value`, name, have, run }
}

/** The real registry behind a server that answers so many requests with 503 first. */
async function busyRegistry(refusals: number): Promise<string> {
  let left = refusals
  const proxy = createServer((request, response) => {
    void (async () => {
      const body: Buffer[] = []
      for await (const part of request) body.push(part as Buffer)
      const answer =
        left-- > 0
          ? new Response('{}', { status: 503 })
          : await fetch(`${server().url}${request.url!}`, {
              method: request.method!,
              headers: { 'content-type': 'application/json' },
              ...(request.method === 'GET' ? {} : { body: Buffer.concat(body) }),
            })
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
    })()
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(() => void proxy.close())
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

let streams: ReturnType<typeof userStreams>
beforeEach(() => void (streams = userStreams()))

describe('schemas', () => {
  test('are registered once, even when the command is repeated', async () => {
    const { subject, run } = streams
    const first = await run('register')
    assert.deepEqual(
      [first.exit, first.data],
      [0, first.data.match(new RegExp(`^ok ${subject}: test\\.Door is now version 1, id \\d+\\n$`))?.[0]],
      first.said,
    )
    const again = await run('register')
    assert.deepEqual([again.exit, again.data], [0, first.data.replace('is now', 'was already')])
  })

  test('are registered when a registry that is busy for a while answers again', async () => {
    const { run } = streams
    const busy = await busyRegistry(3)
    const { exit, data, said } = await run('register', '--registry', busy)
    assert.equal(exit, 0, said)
    assert.match(data, /is now version 1/)
    assert.match(said, /waiting: the schema registry at .* answered 503/)
  })

  test('are listed with their version and the latest one', async () => {
    const { subject, name, have, run } = streams
    const standing = async (): Promise<unknown> => JSON.parse((await run('list', '--json')).data)
    assert.deepEqual(await standing(), {
      registry: server().url,
      schemas: [{ stream: name, subject, schema: 'test.Door', registered: null, latest: null }],
    })
    await run('register')
    have([...fields, colour])
    const { schemas } = (await standing()) as { schemas: { registered: unknown; latest: { version: number } }[] }
    assert.deepEqual([schemas[0]!.registered, schemas[0]!.latest.version], [null, 1])
    assert.match(
      (await run('list')).data,
      new RegExp(
        `^stream +subject +schema +registered +latest\n${name} +${subject} +test\\.Door +- +version 1, id \\d+\n$`,
      ),
    )
  })

  test('may follow the latest version when they can read its events', async () => {
    const { subject, have, run } = streams
    assert.match((await run('check')).data, /would be the first version/)
    await run('register')
    have([...fields.filter(({ name }) => name !== 'door'), { name: 'door', type: 'string', default: '' }, colour])
    const check = await run('check')
    assert.deepEqual([check.exit, check.data], [0, `ok ${subject}: test.Door may follow version 1 (NONE)\n`])
    assert.match((await run('register')).data, /is now version 2/)
  })

  test('that cannot read its events are reported with the field and not registered, at every level', async () => {
    const { subject, have, run } = streams
    await run('register')
    have([...fields, { name: 'force', type: 'double' }])
    for (const command of ['check', 'register']) {
      const { exit, data, said } = await run(command)
      assert.deepEqual([exit, data], [5, ''])
      assert.match(
        said,
        new RegExp(
          `incompatible ${subject}: test\\.Door\n  events of version 1 cannot be read with it: it has no ` +
            `field 'force', and the stream's schema has no default for it`,
        ),
      )
    }
    const { schemas } = JSON.parse((await run('check', '--json')).data) as {
      schemas: { compatible: boolean; latest: { version: number } }[]
    }
    assert.deepEqual(
      schemas.map(({ compatible, latest }) => [compatible, latest.version]),
      [[false, 1]],
    )
  })

  test('must meet the compatibility level of their subject', async () => {
    const { subject, have, run } = streams
    await run('register')
    await fetch(`${server().url}/config/${subject}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"compatibility":"FORWARD"}',
    })
    have(
      fields
        .map((field) => (field.name === 'door' ? { ...field, default: '' } : field))
        .filter(({ name }) => name !== 'tenant_id')
        .concat({ name: 'tenant_id', type: 'string', default: 'acme' }, { name: 'extra', type: 'string', default: '' }),
    )
    assert.equal((await run('check')).exit, 0)
    await fetch(`${server().url}/config/${subject}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"compatibility":"FULL"}',
    })
    have([...fields, { name: 'force', type: 'double' }])
    const check = await run('check')
    assert.equal(check.exit, 5)
    assert.match(check.said, /finds it incompatible with version 1 at level FULL/)
  })
})

describe('without a registry', () => {
  test('the command explains how to name one', async () => {
    const { exit, said } = await tidemill(['schemas', 'list'])
    assert.equal(exit, 2)
    assert.match(said, /--registry <url>, TIDEMILL_SCHEMA_REGISTRY_URL, or schemaRegistry\.url/)
  })

  test('that answers, the command fails with exit code 4', async () => {
    const { exit, said } = await tidemill(['schemas', 'check', '--registry', 'http://ann:secret@127.0.0.1:1'])
    assert.equal(exit, 4)
    assert.match(said, /the schema registry at http:\/\/127\.0\.0\.1:1 does not answer: .*\[REGISTRY_DOWN\]/)
    assert.doesNotMatch(said, /secret/)
  })
})
