import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { openKeys } from '../../src/api/keys/key-file.js'
import { scopes } from '../../src/api/keys/keys.js'
import { systemClock } from '../../src/base/clock.js'
import { startEngine } from '../../src/compose/engine.js'
import { dataPaths, loadConfig } from '../../src/config/load.js'
import type { Engine } from '../../src/contracts/engine.js'
import { tidemill } from '../cli/harness.js'

let directory: string
let key: string
let engine: Engine

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemill-clocks-'))
  key = (await openKeys(dataPaths(directory).keys, systemClock).create({ name: 'operator', tenant: '*', scopes })).key
  const flags = {
    dataDirectory: directory,
    'demo.enabled': false,
    tenants: [{ id: 'acme' }],
    'api.port': 0,
    'streams.builtin': 'attendance',
  }
  engine = await startEngine(loadConfig({ variables: {}, flags }))
})
afterAll(async () => {
  await engine.stop()
  await rm(directory, { recursive: true, force: true })
})

const dayMs = 86_400_000
const startMs = Date.now() - 40 * dayMs

async function send(id: string, device: string, minutes: number): Promise<void> {
  const event = {
    event_id: id,
    tenant_id: 'acme',
    person_id: `person of ${device}`,
    device_id: device,
    site_id: 's1',
    occurred_at: startMs + minutes * 60_000,
    utc_offset_min: 0,
    kind: 'in',
    method: 'manual',
  }
  const answer = await fetch(`${engine.url}/api/v2/events/attendance`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify([event]),
  })
  assert.equal(answer.status, 200, await answer.text())
}

test('an event a month ahead makes no other one late; a metric, readiness and doctor name its device', async () => {
  for (const minutes of [0, 1, 2]) await send(`before-${minutes}`, `d${minutes}`, minutes)
  await send('ahead', 'wrong-clock', 30 * 24 * 60)
  for (const minutes of [3, 4, 5]) await send(`after-${minutes}`, `d${minutes % 3}`, minutes)
  const rows = (): Promise<readonly { late: number }[]> =>
    engine.query(`SELECT late FROM predictions_final WHERE event_id LIKE 'after-%'`)
  while ((await rows()).length < 3) await Promise.race([systemClock.sleep(50), engine.failed])
  assert.deepEqual(
    (await rows()).map(({ late }) => late),
    [0, 0, 0],
  )
  const metrics = await (await fetch(`${engine.url}/metrics`)).text()
  assert.match(metrics, /tidemill_clock_ahead_events_total\{stream="attendance"\} 1\n/)
  const { ready, checks } = (await (await fetch(`${engine.url}/readyz`)).json()) as {
    ready: boolean
    checks: { check: string; detail: string; attention?: boolean }[]
  }
  const clocks = checks.find(({ check }) => check === 'clocks')
  assert.deepEqual([ready, clocks?.attention], [true, true])
  const named = /wrong-clock of tenant acme in attendance was ahead by 30d \(1 event\)/
  assert.match(clocks!.detail, named)
  assert.match((await tidemill(['doctor', '--data', directory])).data, named)
})
