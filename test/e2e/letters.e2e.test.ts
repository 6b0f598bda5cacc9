import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, test } from 'vitest'
import { openKeys } from '../../src/api/keys/key-file.js'
import { scopes } from '../../src/api/keys/keys.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths, loadConfig, type Config } from '../../src/config/load.js'
import { compileStream, type CompiledStream } from '../../src/consumers/ground/compiled.js'
import type { Engine } from '../../src/contracts/engine.js'
import { partitionOf } from '../../src/base/keys.js'
import { startEngine } from '../../src/compose/engine.js'
import { createWorld } from '../../src/simulator/index.js'
import { builtinStreams } from '../../src/streams/built-in/index.js'
import { withLog } from '../../src/compose/tasks.js'
import { tidemill } from '../cli/harness.js'
import { onEveryPreset } from './presets.js'

type Event = Readonly<Record<string, unknown>>

const hourMs = 3_600_000
const stream = compileStream(builtinStreams.find(({ name }) => name === 'attendance')!)

/** Yesterday's events, the time of the record after them. */
const startMs = Math.floor(Date.now() / (24 * hourMs)) * 24 * hourMs - 2 * 24 * hourMs
const world: readonly Event[] = [
  ...createWorld({ seed: 7, startMs, patterns: 'training', people: 200 }).events(startMs, startMs + 14 * hourMs),
]
  .filter((one) => one.stream === 'attendance')
  .map(({ event }) => event)
const of = (tenant: string, count: number): readonly Event[] =>
  world.filter((event) => event['tenant_id'] === tenant).slice(0, count)

/** What producers write past the API: each value under its tenant's key. */
async function write(config: Config, written: readonly (readonly [tenant: string, value: Buffer])[]): Promise<void> {
  const needed: readonly CompiledStream[] = builtinStreams.map(compileStream)
  await withLog(config, needed, async (log) => {
    for (const [tenant, value] of written)
      await log.append(
        { topic: stream.topics.events, partition: partitionOf(Buffer.from(tenant), stream.stream.partitions) },
        [{ key: Buffer.from(tenant), value }],
      )
  })
}

onEveryPreset((preset) => {
  let directory: string
  let key: string
  let engine: Engine | undefined
  const configOf = (tenants: readonly string[], more: Readonly<Record<string, string>> = {}): Config =>
    loadConfig({
      variables: { ...preset.variables, ...more },
      flags: { dataDirectory: directory, 'demo.enabled': false, tenants: tenants.map((id) => ({ id })), 'api.port': 0 },
    })
  const start = async (...tenants: readonly string[]): Promise<void> => {
    await engine?.stop()
    engine = await startEngine(configOf(tenants))
  }
  const cli = async <Said>(expected: number, ...args: readonly string[]): Promise<Said> => {
    const { exit, data, said } = await tidemill([...args, '--url', engine!.url, '--key', key, '--json'])
    assert.equal(exit, expected, said)
    return JSON.parse(data) as Said
  }
  const letters = async (...args: readonly string[]) =>
    (
      await cli<{ letters: { id: string; code: string; tenant: string | null }[] }>(
        0,
        'dlq',
        'list',
        '--limit',
        '1000',
        ...args,
      )
    ).letters
  const count = async (rows: string): Promise<number> =>
    Number((await engine!.query<{ n: number | string }>(`SELECT count() AS n FROM ${rows}`))[0]!.n)
  const until = async (condition: () => Promise<boolean>): Promise<void> => {
    while (!(await condition())) await Promise.race([systemClock.sleep(50), engine!.failed])
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemill-letters-'))
    key = (await openKeys(dataPaths(directory).keys, systemClock).create({ name: 'operator', tenant: '*', scopes })).key
  })
  afterAll(async () => {
    await engine?.stop()
    await rm(directory, { recursive: true, force: true })
  })

  test(
    'a tenant that was not known is added, and its letters are redriven: each is scored once',
    { timeout: 300_000 },
    async () => {
      const strangers = of('borealis', 5)
      await write(configOf(['acme']), [
        ...strangers.map((event) => ['borealis', stream.codec.encodeAvro(event)] as const),
        ['acme', Buffer.from('{"torn')],
        ['acme', Buffer.from('{}')],
      ])
      await start('acme')
      await until(async () => (await letters()).length === 7)
      await until(async () => (await count(`dead_letters WHERE version != '' AND attempts = 0`)) === 7)

      await cli(0, 'tenants', 'add', 'borealis', '--why', 'a new customer')
      const told = await cli<{ counts: object }>(0, 'dlq', 'redrive', '--stream', 'attendance', '--dry-run')
      assert.deepEqual(told.counts, { scored: 5, bad: 2 })
      const done = await cli<{ counts: object }>(1, 'dlq', 'redrive', '--stream', 'attendance')
      assert.deepEqual(done.counts, { redriven: 5, bad: 2 })
      const again = await cli<{ counts: object }>(1, 'dlq', 'redrive', '--stream', 'attendance')
      assert.deepEqual(again.counts, { bad: 2 })
      await until(async () => (await count(`predictions_final WHERE tenant = 'borealis' AND role = 'served'`)) === 5)
      assert.equal(await count(`predictions WHERE kind = 'duplicate'`), 0)
      assert.equal((await letters('--state', 'redriven')).length, 5)
    },
  )

  test('what is of no use is shown, and purged', async () => {
    const [first] = await letters()
    const shown = await cli<{ today: { becomes: string }; value: object }>(0, 'dlq', 'show', first!.id)
    assert.equal(shown.today.becomes, 'bad')
    const purged = await cli<{ found: number; purged: number }>(
      0,
      'dlq',
      'purge',
      '--stream',
      'attendance',
      '--tenant',
      'acme',
      '--yes',
    )
    assert.deepEqual([purged.found, purged.purged], [2, 2])
    assert.deepEqual(await letters(), [])
    assert.equal((await letters('--state', 'purged')).length, 2)
  })

  test(
    'an event that comes again is counted and not scored; one that comes too late is scored, flagged in ' +
      'every place, and not remembered',
    { timeout: 120_000 },
    async () => {
      const events = of('acme', 29) as [Event, ...Event[]]
      const late = {
        ...events[0],
        event_id: 'much-too-late',
        occurred_at: (events[0]['occurred_at'] as number) - 20 * hourMs,
      }
      const send = async (some: readonly Event[]): Promise<void> => {
        const answer = await fetch(`${engine!.url}/api/v2/events/attendance`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify(some),
        })
        assert.equal(answer.status, 200)
      }
      await send(events)
      await until(
        async () => (await count(`predictions_final WHERE tenant = 'acme' AND role = 'served'`)) === events.length,
      )
      const at = new Date(late.occurred_at + 1_000).toISOString()
      const person = `/api/v2/features/attendance/person/${String(events[0]['person_id'])}?tenant=acme&at=${at}`
      const features = async (): Promise<object> =>
        (await (
          await fetch(`${engine!.url}${person}`, { headers: { authorization: `Bearer ${key}` } })
        ).json()) as object
      const before = await features()
      assert.ok('features' in before, JSON.stringify(before))
      await send([events[0], late])
      await until(async () => (await count(`predictions_final WHERE event_id = 'much-too-late' AND late = 1`)) === 1)
      await until(
        async () =>
          (await count(`predictions WHERE kind = 'duplicate' AND event_id = '${String(events[0]['event_id'])}'`)) === 1,
      )
      const { predictions } = await cli<{ predictions: { late: boolean }[] }>(0, 'predictions', 'get', 'much-too-late')
      assert.deepEqual(
        predictions.map((one) => one.late),
        [true],
      )
      assert.equal(await count(`predictions_final WHERE tenant = 'acme' AND role = 'served'`), events.length + 1)
      const metrics = await (await fetch(`${engine!.url}/metrics`)).text()
      assert.match(metrics, /tidemill_late_events_total\{stream="attendance"\} 1\n/)
      assert.match(metrics, /tidemill_duplicates_total\{stream="attendance"\} 1\n/)
      assert.deepEqual(await features(), before)
      const asked = await fetch(`${engine!.url}/api/v2/predict/attendance`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ ...late, event_id: 'asked-late' }),
      })
      assert.equal(((await asked.json()) as { late: boolean }).late, true)
    },
  )

  test(
    'a schema that breaks stops its partition and no other, until the stop is accepted; then nothing is missing',
    { timeout: 300_000 },
    async () => {
      await engine!.stop()
      const good = of('acme', 40).slice(30)
      await write(configOf([]), [
        ...Array.from({ length: 15 }, () => ['acme', Buffer.from('{"broken')] as const),
        ...good.map((event) => ['acme', stream.codec.encodeAvro(event)] as const),
      ])
      engine = await startEngine(configOf(['acme', 'borealis'], { TIDEMILL_SCORING_BAD_SHARE_RECORDS: '50' }))
      const stopped = async () =>
        (
          await cli<{ stopped: { topic: string; partition: number; code: string; lost: { to: number } }[] }>(
            0,
            'partitions',
            'list',
          )
        ).stopped
      await until(async () => (await stopped()).length === 1)
      const [stop] = await stopped()
      assert.deepEqual(
        [stop!.topic, stop!.partition, stop!.code],
        [stream.topics.events, partitionOf(Buffer.from('acme'), stream.stream.partitions), 'BAD_SHARE'],
      )
      // Two of the last 50 were bad before the engine was started the first time: the count is state.
      assert.equal((await letters()).length, 9)
      const readyz = await fetch(`${engine.url}/readyz`)
      assert.match(await readyz.text(), /BAD_SHARE/)
      const others = of('borealis', 8).slice(5)
      const answer = await fetch(`${engine.url}/api/v2/events/attendance`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(others),
      })
      assert.equal(answer.status, 200)
      await until(async () => (await count(`predictions_final WHERE tenant = 'borealis' AND role = 'served'`)) === 8)
      assert.equal((await letters()).length, 9)
      await cli(0, 'partitions', 'accept', `${stop!.topic}/${stop!.partition}`, '--why', 'the producer is corrected')
      await until(async () => (await letters()).length === 15)
      const ids = good.map(({ event_id: id }) => `'${String(id)}'`).join(', ')
      await until(
        async () => (await count(`predictions_final WHERE role = 'served' AND event_id IN (${ids})`)) === good.length,
      )
      assert.deepEqual(await stopped(), [])
    },
  )
})
