import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { isEngineError } from '../../src/base/errors.js'
import type { PredictionFilter, PredictionRow } from '../../src/contracts/predictions.js'
import { migrate } from '../../src/sinks/migrate.js'
import { predictionQueries, type StoredPredictions } from '../../src/sinks/queries.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'
import { everyWarehouse } from './clickhouse/clickhouse.js'

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  let warehouse: Warehouse
  let queries: StoredPredictions
  let remove: () => Promise<void>

  const dayMs = 86_400_000
  const nowMs = Math.floor(systemClock.nowMs() / 1_000) * 1_000
  const hours = 60 * 60 * 1_000

  interface Given {
    readonly id: string
    readonly atMs: number
    readonly tenant?: string
    readonly stream?: string
    readonly entity?: string
    readonly risk?: string
    readonly version?: string
    readonly role?: string
    readonly kind?: string
    readonly by?: string
    readonly score?: string
    readonly offset?: number
    readonly recordMs?: number
  }
  let offsets = 0
  /** Inserts rows by SQL; other tests cover the writers of blocks. */
  async function given(...rows: readonly Given[]): Promise<void> {
    for (const {
      id,
      atMs,
      tenant = 'acme',
      stream = 'gates',
      entity = 'ann',
      risk = 'low',
      version = 'v1',
      role = 'served',
      kind = 'prediction',
      by = 'model',
      score = '0.5',
      offset = offsets++,
      recordMs = atMs,
    } of rows)
      await warehouse.run(
        `INSERT INTO predictions (tenant, stream, topic, offset, role, kind, event_id, entity, event_time, record_time,
           written_at, score, risk, served_by, version, late, reasons, ver)
         SELECT {tenant: String}, {stream: String}, if({role: String} = 'api', 'api-predictions', {stream: String}),
           {offset: Int64}, {role: String}, {kind: String}, {id: String}, {entity: String},
           fromUnixTimestamp64Milli({atMs: Int64}), fromUnixTimestamp64Milli({recordMs: Int64}),
           fromUnixTimestamp64Milli({recordMs: Int64}), toFloat32({score: String}), {risk: String}, {by: String},
           {version: String}, 1, ['speed_kmh'], 1`,
        { id, atMs, tenant, stream, entity, risk, version, role, kind, by, score, offset, recordMs },
      )
  }

  const outcome = (id: string, label: number, arrivedMs: number) =>
    warehouse.run(
      'INSERT INTO outcomes (tenant, stream, event_id, topic, offset, label, source, decided_at, ' +
        "record_time, written_at) SELECT 'acme', 'gates', {id: String}, 'outcomes', {offset: Int64}, {label: UInt8}, " +
        "'review', fromUnixTimestamp64Milli({arrivedMs: Int64}), fromUnixTimestamp64Milli({arrivedMs: Int64}), " +
        'fromUnixTimestamp64Milli({arrivedMs: Int64})',
      { id, label, arrivedMs, offset: offsets++ },
    )

  beforeAll(async () => {
    ;({ warehouse, remove } = await openWarehouse())
    await migrate(warehouse)
    queries = predictionQueries(warehouse)
    await given(
      { id: 'old', atMs: nowMs - 70 * dayMs, recordMs: nowMs - 70 * dayMs },
      { id: 'backfilled', atMs: nowMs - 400 * dayMs, recordMs: nowMs },
      { id: 'a1', atMs: nowMs - 3 * hours, risk: 'high' },
      { id: 'a2', atMs: nowMs - 2 * hours, entity: 'bob', version: 'v2', by: 'heuristic:no-model' },
      { id: 'a3', atMs: nowMs - 1 * hours },
      { id: 'other', atMs: nowMs - 1 * hours, tenant: 'beta' },
      { id: 'synced', atMs: nowMs - 4 * hours, stream: 'sync' },
      { id: 'noticed', atMs: nowMs, kind: 'duplicate' },
      { id: 'shadowed', atMs: nowMs, role: 'shadow:v9' },
      { id: 'asked', atMs: nowMs - 90 * 60_000, role: 'api' },
    )
  })
  afterAll(() => remove())

  const ids = (rows: readonly PredictionRow[]): string[] => rows.map((row) => row.event_id)
  const find = async (filter: PredictionFilter): Promise<string[]> =>
    ids((await queries.findPredictions(filter, undefined, 100)).rows)

  test('the newest rows come first, however old they are', async () => {
    assert.deepEqual(await find({ tenant: 'acme', stream: 'gates' }), ['a3', 'asked', 'a2', 'a1', 'old', 'backfilled'])
  })

  test('without a tenant every tenant is found', async () => {
    assert.equal((await find({})).length, 8)
    assert.deepEqual(await find({ tenant: 'beta' }), ['other'])
  })

  test('each filter works alone and all of them together', async () => {
    assert.deepEqual(await find({ tenant: 'acme', risk: 'high' }), ['a1'])
    assert.deepEqual(await find({ tenant: 'acme', entity: 'bob' }), ['a2'])
    assert.deepEqual(await find({ tenant: 'acme', version: 'v2' }), ['a2'])
    assert.deepEqual(await find({ tenant: 'acme', stream: 'sync' }), ['synced'])
    assert.deepEqual(
      await find({ tenant: 'acme', stream: 'gates', fromMs: nowMs - 3 * hours, toMs: nowMs - 2 * hours }),
      ['a1'],
    )
    assert.deepEqual(await find({ tenant: 'acme', fromMs: nowMs - 401 * dayMs, toMs: nowMs - 60 * dayMs }), [
      'old',
      'backfilled',
    ])
    assert.deepEqual(
      await find({
        tenant: 'acme',
        stream: 'gates',
        risk: 'low',
        entity: 'ann',
        version: 'v1',
        fromMs: nowMs - 2 * hours,
      }),
      ['a3', 'asked'],
    )
  })

  test('a stored NaN of an older version is listed without a score and not averaged', async () => {
    await given({ id: 'nan', atMs: nowMs, tenant: 'nan', score: 'nan' }, { id: 'good', atMs: nowMs, tenant: 'nan' })
    const { rows } = await queries.findPredictions({ tenant: 'nan' }, undefined, 10)
    assert.deepEqual(rows.map(({ event_id: id, score }) => [id, score]).sort(), [
      ['good', 0.5],
      ['nan', null],
    ])
    const figures = 'avg(score) AS mean, toUInt32(count(score)) AS known'
    for (const view of ['predictions_final', 'predictions_with_outcomes', 'predictions_corrected'])
      assert.deepEqual(
        await warehouse.query(`SELECT ${figures} FROM ${view} WHERE tenant = 'nan'`),
        [{ mean: 0.5, known: 1 }],
        view,
      )
  })

  test('a filter is only a value, even when it contains SQL', async () => {
    assert.deepEqual(await find({ tenant: "' OR 1 = 1 --" }), [])
    assert.deepEqual(await find({ tenant: 'acme', entity: "\\'); DROP TABLE predictions; --\n\t" }), [])
  })

  test('pages have no gap and no repeat, also among equal times', async () => {
    await given(
      ...Array.from({ length: 7 }, (_, index) => ({ id: `same-${index}`, atMs: nowMs - 10 * dayMs, tenant: 'paged' })),
    )
    const seen: string[] = []
    for (let cursor: string | undefined, pages = 0; pages < 10; pages++) {
      const { rows, next } = await queries.findPredictions({ tenant: 'paged' }, cursor, 3)
      seen.push(...ids(rows))
      if (next === undefined) break
      cursor = next
    }
    assert.deepEqual(
      seen,
      [6, 5, 4, 3, 2, 1, 0].map((index) => `same-${index}`),
    )
  })

  test('an invalid cursor is refused', async () => {
    for (const cursor of [
      'x',
      Buffer.from('[1,2]').toString('base64url'),
      Buffer.from('["a","b",1,2,3]').toString('base64url'),
    ])
      await expect(queries.findPredictions({}, cursor, 10)).rejects.toSatisfy((error: unknown) =>
        isEngineError(error, 'BAD_REQUEST'),
      )
  })

  test('a duplicate row is returned once', async () => {
    await given(
      { id: 'twice', atMs: nowMs - hours, tenant: 'copied', offset: 1_000 },
      { id: 'twice', atMs: nowMs - hours, tenant: 'copied', offset: 1_000 },
    )
    assert.deepEqual(await find({ tenant: 'copied' }), ['twice'])
  })

  test('a prediction contains all its columns and its outcome', async () => {
    await outcome('a2', 1, nowMs - hours)
    await outcome('a2', 0, nowMs)
    const [found] = await queries.predictionsOf('a2', 'acme')
    assert.deepEqual(found, {
      event_id: 'a2',
      tenant: 'acme',
      stream: 'gates',
      topic: 'gates',
      partition: 0,
      offset: 3,
      origin: 'log',
      entity: 'bob',
      eventTimeMs: nowMs - 2 * hours,
      recordTimeMs: nowMs - 2 * hours,
      score: 0.5,
      risk: 'low',
      version: 'v2',
      served_by: 'heuristic',
      why: 'no-model',
      reasons: ['speed_kmh'],
      late: true,
      outcome: { label: 0, source: 'review', decidedAtMs: nowMs },
    })
    assert.deepEqual(await queries.outcomesOf('acme', 'gates', 'a2'), [
      { label: 0, source: 'review', decidedAtMs: nowMs },
      { label: 1, source: 'review', decidedAtMs: nowMs - hours },
    ])
  })

  test('an event id is searched in one tenant, or in all', async () => {
    await given(
      { id: 'shared', atMs: nowMs - 2 * hours, tenant: 'acme' },
      { id: 'shared', atMs: nowMs - hours, tenant: 'beta' },
      { id: 'shared', atMs: nowMs - 3 * hours, tenant: 'acme', role: 'api' },
    )
    assert.deepEqual(
      (await queries.predictionsOf('shared', 'acme')).map(({ tenant, origin }) => [tenant, origin]),
      [
        ['acme', 'log'],
        ['acme', 'api'],
      ],
    )
    assert.deepEqual(
      (await queries.predictionsOf('shared', undefined)).map(({ tenant }) => tenant),
      ['beta', 'acme', 'acme'],
    )
    assert.deepEqual(await queries.predictionsOf('nobody', undefined), [])
  })

  test('risks are counted by stream', async () => {
    await given(
      ...['c1', 'c2'].map((id) => ({ id, atMs: nowMs, tenant: 'counted', risk: 'high' }) as const),
      { id: 'c3', atMs: nowMs, tenant: 'counted', stream: 'sync' },
      { id: 'c4', atMs: nowMs - dayMs, tenant: 'counted' },
    )
    assert.deepEqual(await queries.countByRisk(nowMs - hours, 'counted'), [
      { stream: 'gates', risk: 'high', predictions: 2 },
      { stream: 'sync', risk: 'low', predictions: 1 },
    ])
  })
})
