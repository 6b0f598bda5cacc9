import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { openKeys } from '../../src/api/keys/key-file.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths, loadConfig, type Config } from '../../src/config/load.js'
import type { Engine } from '../../src/contracts/engine.js'
import { isEngineError } from '../../src/base/errors.js'
import { startEngine } from '../../src/compose/engine.js'
import { createWorld, demoTenants, type Happening, type StreamName } from '../../src/simulator/index.js'
import { onEveryPreset } from './presets.js'

const hourMs = 3_600_000

onEveryPreset((preset) => {
  let directory: string
  let config: Config
  let engine: Engine
  let keys: { operator: string; acme: string; writer: string }
  /** Two hours of a simulated weekday, by stream. */
  const events = new Map<StreamName, Happening['event'][]>()

  const call = async (
    path: string,
    key?: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const headers = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const answer = await fetch(`${engine.url}${path}`, {
      headers,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }

  const send = async (stream: string, list: readonly unknown[]): Promise<void> => {
    for (let from = 0; from < list.length; from += 500)
      assert.equal((await call(`/api/v2/events/${stream}`, keys.operator, list.slice(from, from + 500))).status, 200)
  }

  /** Waits until the warehouse holds so many predictions of a stream. */
  async function stored(stream: string, count: number): Promise<void> {
    for (;;) {
      const [row] = await engine.query<{ n: number | string }>(
        `SELECT count() AS n FROM predictions_final WHERE stream = '${stream}' AND role = 'served'`,
      )
      if (Number(row!.n) >= count) return void assert.equal(Number(row!.n), count)
      await Promise.race([systemClock.sleep(100), engine.failed])
    }
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-e2e-'))
    config = loadConfig({
      variables: preset.variables,
      flags: {
        dataDirectory: directory,
        'demo.enabled': false,
        tenants: demoTenants.map((id) => ({ id })),
        'api.port': 0,
      },
    })
    engine = await startEngine(config)
    const store = openKeys(dataPaths(directory).keys, systemClock)
    const create = async (tenant: string, scopes: Parameters<typeof store.create>[0]['scopes']): Promise<string> =>
      (await store.create({ name: 'test', tenant, scopes })).key
    keys = {
      operator: await create('*', ['events:write', 'predict', 'read', 'outcomes:write']),
      acme: await create('acme', ['predict', 'read', 'outcomes:write']),
      writer: await create('acme', ['events:write']),
    }
    const startMs = Math.floor(Date.now() / (24 * hourMs)) * 24 * hourMs - 2 * 24 * hourMs
    for (const { stream, event } of createWorld({ seed: 7, startMs, patterns: 'training', people: 200 }).events(
      startMs,
      startMs + 14 * hourMs,
    )) {
      const list = events.get(stream)
      if (list === undefined) events.set(stream, [event])
      else if (list.length < 600) list.push(event)
    }
  }, 120_000)

  afterAll(async () => {
    await engine.stop()
    await rm(directory, { recursive: true, force: true })
  })

  test('events of all four streams are scored and stored, each once', { timeout: 120_000 }, async () => {
    assert.deepEqual([...events.keys()].sort(), ['attendance', 'infra-metric', 'meter-reading', 'sync'])
    for (const [stream, list] of events) await send(stream, list)
    await send('attendance', events.get('attendance')!.slice(0, 50))
    for (const [stream, list] of events) await stored(stream, list.length)
    const count = async (rows: string): Promise<number> =>
      Number((await engine.query<{ n: number | string }>(`SELECT count() AS n FROM ${rows}`))[0]!.n)
    const duplicates = (): Promise<number> => count(`predictions WHERE kind = 'duplicate'`)
    while ((await duplicates()) < 50) await systemClock.sleep(100)
    assert.equal(await duplicates(), 50)
    const rawEvents = (): Promise<number> => count('events FINAL')
    const all = [...events.values()].reduce((sum, list) => sum + list.length, 50)
    while ((await rawEvents()) < all) await systemClock.sleep(100)
    assert.equal(await rawEvents(), all)
  })

  test('a prediction is found by its event, with its outcome once there is one', { timeout: 60_000 }, async () => {
    const event = events.get('attendance')!.find((one) => one['tenant_id'] === 'acme')!
    const id = event['event_id'] as string
    const found = await call(`/api/v2/predictions/${id}`, keys.acme)
    assert.equal(found.status, 200)
    assert.equal(
      (await call('/api/v2/outcomes', keys.acme, { stream: 'attendance', event_id: id, label: 1, source: 'review' }))
        .status,
      200,
    )
    let text = ''
    while (!/"label":1/.test(text)) {
      await systemClock.sleep(100)
      text = JSON.stringify((await call(`/api/v2/predictions/${id}`, keys.acme)).body)
    }
    const listed = await call(`/api/v2/predictions?stream=attendance&limit=5`, keys.acme)
    assert.ok((listed.body['predictions'] as { tenant: string }[]).every(({ tenant }) => tenant === 'acme'))
  })

  test('an operator asks the warehouse in SQL while the engine runs', async () => {
    const sql = `SELECT event_id FROM predictions_final WHERE role = 'served' AND stream = 'attendance'`
    const answer = await call('/api/v2/sql', keys.operator, { sql, limit: 10_000 })
    assert.deepEqual(
      [answer.status, (answer.body['rows'] as unknown[]).length],
      [200, events.get('attendance')!.length],
    )
    assert.equal((await call('/api/v2/sql', keys.acme, { sql })).status, 403)
  })

  test('a caller asks for a prediction, in the long form and in the short one for conflicts', async () => {
    const event = { ...events.get('attendance')!.find((one) => one['tenant_id'] === 'acme'), event_id: 'asked' }
    const asked = await call('/api/v2/predict/attendance', keys.acme, event)
    assert.equal(asked.status, 200)
    assert.ok((asked.body['score'] as number) >= 0 && (asked.body['score'] as number) <= 1)
    for (const path of ['/api/v2/predict/conflict', '/api/v2/predict/conflict/']) {
      const short = await call(path, keys.acme, { domain: 'voice', user_id: 1 })
      assert.equal(short.status, 200)
      assert.equal(typeof short.body['model_version'], 'string')
    }
  })

  test('the features of a person are read from the state that scoring committed', async () => {
    const { person_id: person } = events.get('attendance')!.find((one) => one['tenant_id'] === 'acme') as {
      person_id: string
    }
    const found = await call(`/api/v2/features/attendance/person/${person}?at=${new Date().toISOString()}`, keys.acme)
    assert.equal(found.status, 200)
    assert.ok(Object.keys(found.body['features'] as object).length > 3)
  })

  test('without a key: 401; with another scope or tenant: 403, whether the data exists or not', async () => {
    assert.equal((await call('/api/v2/predictions')).status, 401)
    assert.equal((await call('/api/v2/predictions', keys.writer)).status, 403)
    const other = events.get('attendance')!.find((one) => one['tenant_id'] !== 'acme')!
    const answers = await Promise.all(
      [other['person_id'] as string, 'nobody'].map((id) =>
        call(`/api/v2/features/attendance/person/${id}?tenant=borealis`, keys.acme),
      ),
    )
    assert.deepEqual(
      answers.map(({ status }) => status),
      [403, 403],
    )
    assert.equal((await call('/api/v2/events/attendance', keys.writer, other)).status, 403)
  })

  // Many processes of a cluster may share a directory.
  if (preset.name === 'embedded')
    test('a second engine on the same directory is told who holds it', async () => {
      await assert.rejects(
        startEngine(config),
        (error) =>
          isEngineError(error, 'LOCKED') &&
          error.message.includes(String(process.pid)) &&
          error.message.includes(engine.url),
      )
    })

  test(
    'after a restart everything is there, and an event that comes again is still a duplicate',
    { timeout: 120_000 },
    async () => {
      const before = events.get('attendance')!
      await engine.stop()
      engine = await startEngine(config)
      await stored('attendance', before.length)
      await send('attendance', [...before.slice(0, 10), { ...before.at(-1), event_id: 'new-after-restart' }])
      await stored('attendance', before.length + 1)
      const [row] = await engine.query<{ n: number | string }>(
        `SELECT count() AS n FROM predictions WHERE kind = 'duplicate' AND stream = 'attendance'`,
      )
      assert.equal(Number(row!.n), 60)
      const metrics = await (await fetch(`${engine.url}/metrics`)).text()
      assert.match(metrics, /tidemill_events_total\{stream="attendance"\} 11\b/)
      assert.equal((await fetch(`${engine.url}/readyz`)).status, 200)
    },
  )
})
