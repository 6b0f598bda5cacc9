import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, test } from 'vitest'
import { prometheus } from '../../scripts/services/prometheus.js'
import { openKeys } from '../../src/api/keys/key-file.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths, loadConfig } from '../../src/config/load.js'
import { compileStream } from '../../src/consumers/ground/compiled.js'
import { ensureTopics } from '../../src/consumers/ground/topics.js'
import type { Engine } from '../../src/contracts/engine.js'
import { openLocalLog } from '../../src/log/local/log.js'
import { startEngine } from '../../src/compose/engine.js'
import { createWorld, demoTenants, type Happening } from '../../src/simulator/index.js'
import { chooseStreams } from '../../src/streams/choose.js'
import { alertRules, dashboards, dockerPath, metricNames, panelQuestions, variableQuestions, yamlOf } from './files.js'

const hourMs = 3_600_000
const missing = prometheus.missing()
const asked = panelQuestions.filter(({ datasource }) => datasource === 'prometheus')
const analysed = panelQuestions.filter(({ datasource }) => datasource === 'clickhouse')
let directory: string
let engine: Engine
let key: string
let running: Awaited<ReturnType<typeof prometheus.start>> | undefined

interface Answer<Data> {
  readonly status: string
  readonly error?: string
  readonly data: Data
}
type Samples = {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly value: readonly [number, string]
  }[]
}

const ask = async <Data>(path: string, params: Record<string, string> = {}): Promise<Answer<Data>> =>
  (await fetch(`${running!.url}/api/v1/${path}?${new URLSearchParams(params).toString()}`)).json() as Promise<
    Answer<Data>
  >

async function post(path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${engine.url}/api/v2/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  assert.equal(answer.status, 200, await answer.text())
}

/** Asks again and again until the answer holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await Promise.race([systemClock.sleep(100), engine.failed])
}
const count = async (sql: string): Promise<number> =>
  Number((await engine.query<{ n: number | string }>(`SELECT count() AS n FROM ${sql}`))[0]!.n)
const counted = async (expr: string): Promise<number> =>
  Number((await ask<Samples>('query', { query: expr })).data.result[0]?.value[1])

/** A record that nobody can read: the one way into the dead letters that the API does not bar. */
async function spoil(): Promise<void> {
  const log = await openLocalLog({ directory: dataPaths(directory).log, clock: systemClock })
  const streams = (await chooseStreams({ builtin: 'all', paths: [], accept: [] })).map(compileStream)
  await ensureTopics(log, streams, undefined)
  await log.append({ topic: streams[0]!.topics.events, partition: 0 }, [
    { key: Buffer.from('acme'), value: Buffer.from('no event') },
  ])
  await log.close()
}

/** Events of every stream, some of them twice and one of the week before; outcomes of what was flagged. */
async function live(): Promise<void> {
  const startMs = Math.floor(systemClock.nowMs() / (24 * hourMs)) * 24 * hourMs - 2 * 24 * hourMs
  const events = new Map<string, Happening['event'][]>()
  for (const { stream, event } of createWorld({ seed: 7, startMs, patterns: 'training', people: 200 }).events(
    startMs,
    startMs + 14 * hourMs,
  )) {
    const list = events.get(stream)
    if (list === undefined) events.set(stream, [event])
    else if (list.length < 400) list.push(event)
  }
  for (const [stream, list] of events) await post(`events/${stream}`, list.slice(0, list.length / 2))
  // Prometheus sees a counter rise only where it saw it before.
  if (missing === undefined)
    await until(async () => (await counted('count(count by (stream) (tidemill_predictions_total))')) === events.size)
  for (const [stream, list] of events) await post(`events/${stream}`, list.slice(list.length / 2))
  const attendance = events.get('attendance')!
  const late = { ...attendance[0], event_id: 'late', occurred_at: new Date(startMs - 7 * 24 * hourMs).toISOString() }
  await post('events/attendance', [...attendance.slice(0, 20), late])
  const total = [...events.values()].reduce((sum, { length }) => sum + length, 1)
  await until(async () => (await count("predictions_final WHERE role = 'served'")) === total)
  const flagged = await engine.query<{ tenant_id: string; stream: string; event_id: string }>(
    "SELECT tenant AS tenant_id, stream, event_id FROM predictions_final WHERE risk = 'high' AND role = " +
      "'served' ORDER BY stream, event_id LIMIT 20",
  )
  for (const [i, found] of flagged.entries()) await post('outcomes', { ...found, label: i % 2, source: 'review' })
  await until(
    async () =>
      (await count('outcomes')) >= flagged.length &&
      (await count("predictions WHERE kind = 'duplicate'")) >= 20 &&
      (await count('dead_letters')) === 1,
  )
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tidemill-dashboards-'))
  await spoil()
  engine = await startEngine(
    loadConfig({
      variables: {},
      flags: {
        dataDirectory: directory,
        'demo.enabled': false,
        tenants: demoTenants.map((id) => ({ id })),
        'api.port': 0,
      },
    }),
  )
  key = (
    await openKeys(dataPaths(directory).keys, systemClock).create({
      name: 'test',
      tenant: '*',
      scopes: ['events:write', 'predict', 'read', 'outcomes:write'],
    })
  ).key
  if (missing === undefined) {
    running = await prometheus.start({
      directory,
      config: dockerPath('prometheus/prometheus.yml'),
      target: new URL(engine.url).host,
    })
    await until(async () => (await counted('count(tidemill_events_total)')) === 4)
  } else process.stderr.write(`\nExpressions of Prometheus are NOT run: ${missing}.\n`)
  await live()
}, 120_000)

afterAll(async () => {
  await running?.stop()
  await engine.stop()
  await rm(directory, { recursive: true, force: true })
})

test('every query of the dashboards returns rows', async () => {
  const filled = new Map<string, string>()
  for (const [name, sql] of variableQuestions('clickhouse')) {
    const values = (await engine.query<Record<string, string>>(sql)).map((row) => Object.values(row)[0]!)
    assert.ok(values.length > 1, `variable ${name}`)
    filled.set(name, values.map((value) => `'${value}'`).join(','))
  }
  assert.ok(analysed.length >= 14)
  for (const { where, text } of analysed) {
    // As the plugin fills its macros in.
    const sql = text
      .replace(
        /\$__timeFilter\((\w+)\)/g,
        (_, column: string) =>
          `${column} >= toDateTime(${Math.floor(systemClock.nowMs() / 1_000) - 3_600}) AND ${column} <= ` +
          `toDateTime(${Math.floor(systemClock.nowMs() / 1_000) + 60})`,
      )
      .replace(/\$__timeInterval\((\w+)\)/g, 'toStartOfInterval(toDateTime($1), INTERVAL 60 second)')
      .replace(/\$\{(\w+):singlequote\}/g, (_, name: string) => filled.get(name) ?? `$${name}`)
    assert.doesNotMatch(sql, /\$/, `${where}: a macro or variable that does not exist`)
    assert.ok(
      (await engine.query(sql).catch((error: unknown) => assert.fail(`${where}: ${String(error)}`))).length > 0,
      `${where}: no rows of ${sql}`,
    )
  }
})

test('every panel uses a provisioned data source', () => {
  const { datasources } = yamlOf<{ datasources: readonly { uid: string }[] }>(
    'grafana/provisioning/datasources/datasources.yaml',
  )
  const uids = new Set(datasources.map(({ uid }) => uid))
  for (const { where, datasource, text } of panelQuestions) assert.ok(uids.has(datasource) && text !== '', where)
  assert.equal(new Set(dashboards.map(({ uid }) => uid)).size, dashboards.length)
})

/** There is none while nothing fails. */
const silentWhileWell = (promql: string): boolean => promql.includes('tidemill_retries_total')

test('every expression of the dashboards finds samples of a running engine', async () => {
  await until(async () => (await counted('sum(tidemill_events_total)')) === (await scored()))
  for (const [name, query] of variableQuestions('prometheus')) {
    const [, metric, label] = /^label_values\((\w+), (\w+)\)$/.exec(query)!
    assert.equal((await ask<string[]>(`label/${label}/values`, { 'match[]': metric! })).data.length, 4, name)
  }
  assert.ok(asked.length >= 25)
  for (const { where, text } of asked) {
    const query = text.replaceAll('$__rate_interval', '5m').replaceAll('$stream', '.*')
    assert.doesNotMatch(query, /\$/, `${where}: a variable that does not exist`)
    const { status, error, data } = await ask<Samples>('query', { query })
    assert.equal(status, 'success', `${where}: ${error}`)
    if (!silentWhileWell(query))
      assert.ok(
        data.result.some(({ value }) => value[1] !== 'NaN'),
        `${where}: nothing for ${query}`,
      )
  }
})

test('every alert rule evaluates without an error on the metrics of a running engine', async () => {
  interface Evaluated {
    readonly name: string
    readonly health: string
    readonly lastError?: string
  }
  const rules = async (): Promise<readonly Evaluated[]> =>
    (await ask<{ groups: { rules: Evaluated[] }[] }>('rules')).data.groups.flatMap((group) => group.rules)
  await until(async () => (await rules()).every(({ health }) => health !== 'unknown'))
  for (const { name, health, lastError } of await rules()) assert.equal(health, 'ok', `${name}: ${lastError}`)
  assert.equal((await rules()).length, alertRules.length)
  // What says nothing while all is well is announced all the same.
  const named = [...(await (await fetch(`${engine.url}/metrics`)).text()).matchAll(/^# TYPE (\S+)/gm)].map(
    ([, name]) => name!,
  )
  const known = new Set([...(await ask<string[]>('label/__name__/values')).data, ...named])
  for (const { alert, expr } of alertRules)
    for (const name of metricNames(expr)) assert.ok(known.has(name), `${alert}: no metric ${name}`)
})

async function scored(): Promise<number> {
  const text = await (await fetch(`${engine.url}/metrics`)).text()
  return [...text.matchAll(/^tidemill_events_total\{.*\} (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0)
}

beforeEach((context) => {
  if (missing !== undefined && /expression|alert rule/.test(context.task.name)) context.skip(missing)
})
