import { limits } from '../base/limits.js'
import type { PredictionFilter, PredictionQueries, PredictionRow } from '../contracts/predictions.js'
import type { StoredOutcome } from '../contracts/outcomes.js'
import type { RiskLevel } from '../contracts/risks.js'
import { readCursor, writeCursor, type Position } from './cursor.js'
import type { Warehouse } from './warehouse.js'

export interface RiskCount {
  readonly stream: string
  readonly risk: RiskLevel
  readonly predictions: number
}

/**
 * Queries over stored predictions. Every function throws WAREHOUSE_DOWN. Values are bound, not inserted into the SQL.
 */
export interface StoredPredictions extends PredictionQueries {
  /** Counts the predictions from the log by stream and risk, of rows that were written since `sinceMs`. */
  countByRisk(sinceMs: number, tenant: string | undefined): Promise<readonly RiskCount[]>
  /** All outcomes of an event, latest first. */
  outcomesOf(tenant: string, stream: string, eventId: string): Promise<readonly StoredOutcome[]>
}

/** A condition and the parameters that it binds. */
interface Condition {
  readonly sql: string
  readonly params: Readonly<Record<string, unknown>>
}

interface Row extends Omit<PredictionRow, 'origin' | 'served_by' | 'why' | 'late' | 'outcome'> {
  readonly role: string
  readonly item: number
  readonly by: string
  readonly lateFlag: number
}

const dayMs = 24 * 60 * 60 * 1_000

export function predictionQueries(warehouse: Warehouse): StoredPredictions {
  return {
    async findPredictions(filter, cursor, limit) {
      const after = cursor === undefined ? undefined : readCursor(cursor)
      const found = await newest(warehouse, conditionsOf(filter, after), filter, after?.[0], limit + 1)
      const page = found.slice(0, limit)
      const rows = await withOutcomes(warehouse, page)
      return found.length > limit ? { rows, next: writeCursor(positionOf(page.at(-1)!)) } : { rows }
    },
    async predictionsOf(eventId, tenant) {
      const conditions = [
        ...conditionsOf(tenant === undefined ? {} : { tenant }, undefined),
        { sql: 'event_id = {eventId: String}', params: { eventId } },
      ]
      return withOutcomes(warehouse, await select(warehouse, conditions, limits.apiPage))
    },
    countByRisk: (sinceMs, tenant) => {
      const mine = tenant === undefined ? '' : 'tenant = {tenant: String} AND '
      const sql =
        `SELECT stream, risk, toUInt32(count()) AS predictions FROM predictions_final WHERE ${mine}role = ` +
        `'served' AND written_at >= fromUnixTimestamp64Milli({sinceMs: Int64}) GROUP BY stream, risk ORDER BY ` +
        'stream, risk'
      return warehouse.query<RiskCount>(sql, { sinceMs, ...(tenant === undefined ? {} : { tenant }) })
    },
    outcomesOf: (tenant, stream, eventId) =>
      warehouse.query<StoredOutcome>(
        'SELECT label, source, toUnixTimestamp64Milli(decided_at) AS decidedAtMs FROM outcomes FINAL WHERE ' +
          'tenant = {tenant: String} AND stream = {stream: String} AND event_id = {eventId: String} ORDER BY ' +
          'written_at DESC, offset DESC',
        { tenant, stream, eventId },
      ),
  }
}

function conditionsOf(
  { tenant, stream, risk, entity, version, fromMs, toMs }: PredictionFilter,
  after: Position | undefined,
): Condition[] {
  const equals = Object.entries({ tenant, stream, risk, entity, version }).filter(([, value]) => value !== undefined)
  const conditions: Condition[] = equals.map(([column, value]) => ({
    sql: `${column} = {${column}: String}`,
    params: { [column]: value },
  }))
  if (fromMs !== undefined) conditions.push(since(fromMs, 'from'))
  if (toMs !== undefined)
    conditions.push({ sql: 'event_time < fromUnixTimestamp64Milli({toMs: Int64})', params: { toMs } })
  if (after !== undefined) {
    const [atMs, topic, partition, offset, item] = after
    const sql =
      '(event_time, topic, partition, offset, item) < (fromUnixTimestamp64Milli({atMs: Int64}), {topic: ' +
      'String}, {partition: UInt32}, {offset: Int64}, {item: UInt32})'
    conditions.push(
      { sql, params: { atMs, topic, partition, offset, item } },
      { sql: 'event_time <= fromUnixTimestamp64Milli({atMs: Int64})', params: { atMs } },
    )
  }
  return conditions
}

/** The table has an index over event times. Record times are the producers', so they limit nothing. */
const since = (fromMs: number, name: string): Condition => ({
  sql: `event_time >= fromUnixTimestamp64Milli({${name}: Int64})`,
  params: { [name]: fromMs },
})

/**
 * The newest matching rows. Searches the last day first and then longer spans, so that the usual page reads one day of
 * a tenant instead of its history.
 */
async function newest(
  warehouse: Warehouse,
  conditions: readonly Condition[],
  { fromMs, toMs }: PredictionFilter,
  afterMs: number | undefined,
  limit: number,
): Promise<readonly Row[]> {
  const endMs = Math.min(toMs ?? Infinity, afterMs ?? Infinity, await newestRowMs(warehouse))
  for (let spanMs = dayMs; ; spanMs *= 64) {
    const startMs = endMs - spanMs
    const whole = startMs <= (fromMs ?? 0)
    const rows = await select(warehouse, whole ? conditions : [...conditions, since(startMs, 'start')], limit)
    if (whole || rows.length >= limit) return rows
  }
}

/** When the newest row was written. Costs nothing: every part stores the range of `written_at`. */
async function newestRowMs(warehouse: Warehouse): Promise<number> {
  const [row] = await warehouse.query<{ ms: number }>(
    'SELECT toFloat64(toUnixTimestamp64Milli(max(written_at))) AS ms FROM predictions',
  )
  return row?.ms ?? 0
}

const columns = `event_id, tenant, stream, topic, partition, toFloat64(offset) AS offset, entity,
  toFloat64(toUnixTimestamp64Milli(event_time)) AS eventTimeMs,
  toFloat64(toUnixTimestamp64Milli(record_time)) AS recordTimeMs,
  score, risk, version, reasons, role, item, served_by AS by, late AS lateFlag`

async function select(warehouse: Warehouse, conditions: readonly Condition[], limit: number): Promise<Row[]> {
  const where = ["kind = 'prediction'", "role IN ('served', 'api')", ...conditions.map(({ sql }) => sql)].join(' AND ')
  const params = Object.assign({ limit }, ...conditions.map((condition) => condition.params)) as Readonly<
    Record<string, unknown>
  >
  const sql =
    `SELECT ${columns} FROM predictions AS p FINAL WHERE ${where} ORDER BY p.event_time DESC, p.topic DESC, ` +
    'p.partition DESC, p.offset DESC, p.item DESC LIMIT {limit: UInt32}'
  return warehouse.query<Row>(sql, params)
}

async function withOutcomes(warehouse: Warehouse, rows: readonly Row[]): Promise<PredictionRow[]> {
  if (rows.length === 0) return []
  const tenants = [...new Set(rows.map(({ tenant }) => tenant))]
  const ids = [...new Set(rows.map((row) => row.event_id))]
  const sql =
    'SELECT tenant, stream, event_id, label, source, toFloat64(toUnixTimestamp64Milli(decided_at)) AS ' +
    'decidedAtMs FROM outcomes_latest WHERE tenant IN {tenants: Array(String)} AND event_id IN {ids: ' +
    'Array(String)}'
  const outcomes = await warehouse.query<StoredOutcome & { tenant: string; stream: string; event_id: string }>(sql, {
    tenants,
    ids,
  })
  const known = new Map(
    outcomes.map(({ tenant, stream, event_id, ...outcome }) => [keyOf({ tenant, stream, event_id }), outcome]),
  )
  return rows.map((row) => predictionOf(row, known.get(keyOf(row)) ?? null))
}

const keyOf = ({ tenant, stream, event_id }: Pick<Row, 'tenant' | 'stream' | 'event_id'>): string =>
  JSON.stringify([tenant, stream, event_id])

function predictionOf(row: Row, outcome: StoredOutcome | null): PredictionRow {
  const {
    event_id,
    tenant,
    stream,
    topic,
    partition,
    offset,
    entity,
    eventTimeMs,
    recordTimeMs,
    score,
    risk,
    version,
    reasons,
    role,
    by,
  } = row
  const why = by.startsWith('heuristic:') ? (by.slice('heuristic:'.length) as PredictionRow['why']) : null
  const origin = role === 'api' ? 'api' : 'log'
  const served_by = why === null ? 'model' : 'heuristic'
  return {
    event_id,
    tenant,
    stream,
    topic,
    partition,
    offset,
    origin,
    entity,
    eventTimeMs,
    recordTimeMs,
    score,
    risk,
    version,
    served_by,
    why,
    reasons,
    late: row.lateFlag === 1,
    outcome,
  }
}

const positionOf = ({ eventTimeMs, topic, partition, offset, item }: Row): Position => [
  eventTimeMs,
  topic,
  partition,
  offset,
  item,
]
