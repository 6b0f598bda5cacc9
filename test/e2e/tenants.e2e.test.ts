import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'vitest'
import { openKeys } from '../../src/api/keys/key-file.js'
import { scopes } from '../../src/api/keys/keys.js'
import { systemClock } from '../../src/base/clock.js'
import { partitionOf } from '../../src/base/keys.js'
import { dataPaths, loadConfig } from '../../src/config/load.js'
import { startEngine } from '../../src/compose/engine.js'
import { withLog } from '../../src/compose/tasks.js'
import { compileStream } from '../../src/consumers/ground/compiled.js'
import type { Engine } from '../../src/contracts/engine.js'
import { createWorld } from '../../src/simulator/index.js'
import { builtinStreams } from '../../src/streams/built-in/index.js'
import { tidemill } from '../cli/harness.js'

type Event = Readonly<Record<string, unknown>>

const stream = compileStream(builtinStreams.find(({ name }) => name === 'attendance')!)
const hourMs = 3_600_000
const startMs = Math.floor(Date.now() / (24 * hourMs)) * 24 * hourMs - 24 * hourMs
const world: readonly Event[] = [
  ...createWorld({ seed: 11, startMs, patterns: 'training', people: 200 }).events(startMs, startMs + 12 * hourMs),
]
  .filter((one) => one.stream === 'attendance')
  .map(({ event }) => event)
const of = (tenant: string, from: number, to: number): readonly Event[] =>
  world.filter((event) => event['tenant_id'] === tenant).slice(from, to)

let directory: string
let keys: Readonly<Record<'operator' | 'cobalt', string>>
let engine: Engine

/** Starts an engine whose configuration names these tenants, or does not name any. */
const start = async (...tenants: readonly string[]): Promise<void> => {
  const named = tenants.length === 0 ? {} : { tenants: tenants.map((id) => ({ id })) }
  const flags = { dataDirectory: directory, 'demo.enabled': false, ...named }
  engine = await startEngine(loadConfig({ variables: {}, flags: { ...flags, 'api.port': 0 } }))
}
/** What a producer writes past the API, while no engine holds the log. */
const write = (tenant: string, events: readonly Event[]): Promise<void> =>
  withLog(loadConfig({ variables: {}, flags: { dataDirectory: directory } }), [stream], async (log) => {
    const partition = partitionOf(Buffer.from(tenant), stream.stream.partitions)
    await log.append(
      { topic: stream.topics.events, partition },
      events.map((event) => ({ key: Buffer.from(tenant), value: stream.codec.encodeAvro(event) })),
    )
  })
const send = async (events: readonly Event[], key = keys.operator): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${engine.url}/api/v2/events/attendance`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(events),
  })
  return { status: answer.status, text: await answer.text() }
}
const stored = async (rows: string, count: number): Promise<void> => {
  const sql = `SELECT count() AS n FROM ${rows}`
  while (Number((await engine.query<{ n: number | string }>(sql))[0]!.n) !== count)
    await Promise.race([systemClock.sleep(20), engine.failed])
}
const scored = (tenant: string, count: number): Promise<void> =>
  stored(`predictions_final WHERE tenant = '${tenant}' AND role = 'served'`, count)
const ran = async (...args: readonly string[]): Promise<string> => {
  const { exit, data, said } = await tidemill([...args, '--data', directory])
  assert.equal(exit, 0, `${args.join(' ')}: ${said}`)
  return data
}
/** Certifies everything that was served. The command's own tenants must not matter. */
const certified = async (...options: readonly string[]): Promise<{ predictions: number; deadLetters: number }> => {
  const text = await ran('replay', 'certify', '--stream', 'attendance', '--json', ...options)
  const { equal, served } = JSON.parse(text) as { equal: boolean; served: { predictions: number; deadLetters: number } }
  assert.equal(equal, true)
  return { predictions: served.predictions, deadLetters: served.deadLetters }
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemill-tenants-'))
  const store = openKeys(dataPaths(directory).keys, systemClock)
  const keyOf = async (tenant: string): Promise<string> => (await store.create({ name: 'test', tenant, scopes })).key
  keys = { operator: await keyOf('*'), cobalt: await keyOf('cobalt') }
})
afterEach(async () => {
  await engine?.stop()
  await rm(directory, { recursive: true, force: true })
})

test('a tenant is added and removed without a restart, and every replay equals what was served', async () => {
  await write('cobalt', of('cobalt', 0, 5))
  await write('acme', of('acme', 0, 5))
  await start('acme')
  await stored(`dead_letters WHERE code = 'UNKNOWN_TENANT'`, 5)
  await scored('acme', 5)
  const early = await send(of('cobalt', 5, 8))
  assert.equal(early.status, 422)
  assert.match(early.text, /'cobalt' is not known; an operator adds it with 'tidemill tenants add'/)

  await ran('tenants', 'add', 'cobalt', '--why', 'a new customer', '--key', keys.operator)
  assert.equal((await send(of('cobalt', 5, 8))).status, 200)
  await ran('dlq', 'redrive', '--stream', 'attendance', '--code', 'UNKNOWN_TENANT', '--key', keys.operator)
  await scored('cobalt', 8)
  assert.equal((await send(of('cobalt', 8, 9), keys.cobalt)).status, 200)
  await scored('cobalt', 9)

  await ran('tenants', 'remove', 'cobalt', '--why', 'the contract ended', '--key', keys.operator)
  const late = await send(of('cobalt', 9, 10))
  assert.equal(late.status, 422)
  const refused = await send(of('cobalt', 9, 10), keys.cobalt)
  assert.equal(refused.status, 403)
  assert.match(refused.text, /'cobalt', was removed/)
  assert.deepEqual(await certified('--tenants', 'nobody', '--no-demo'), { predictions: 14, deadLetters: 5 })
})

test('the configuration decides where it changes, and a removed tenant stays removed until then', async () => {
  await start()
  assert.equal((await send(of('cobalt', 0, 1))).status, 422)
  await engine.stop()
  await write('cobalt', of('cobalt', 0, 2))
  await start('acme', 'cobalt')
  await scored('cobalt', 2)
  await ran('tenants', 'remove', 'cobalt', '--why', 'the contract ended', '--key', keys.operator)
  await engine.stop()
  await write('cobalt', of('cobalt', 10, 13))

  await start('acme', 'cobalt')
  await stored(`dead_letters WHERE code = 'UNKNOWN_TENANT' AND attempts = 0`, 3)
  await engine.stop()
  const listed = JSON.parse(await ran('tenants', 'list', '--json')) as { tenants: { tenant: string; state: string }[] }
  assert.deepEqual(
    listed.tenants.map(({ tenant, state }) => `${tenant} ${state}`),
    ['acme known', 'cobalt removed'],
  )
  await ran('tenants', 'add', 'cobalt', '--why', 'the contract was renewed')

  await start('acme', 'cobalt')
  assert.equal((await send(of('cobalt', 13, 14), keys.cobalt)).status, 200)
  await scored('cobalt', 3)
  await engine.stop()
  assert.deepEqual(await certified(), { predictions: 3, deadLetters: 3 })
})
