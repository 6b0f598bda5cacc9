/** Warehouse queries over rows in memory. */
import { EngineError } from '../../src/base/errors.js'
import type { PredictionFilter, PredictionRow, WarehouseQueries } from '../../src/contracts/predictions.js'

const pages = {
  prefix: 'page:',
  size: (cursor: string | undefined): number => (cursor === undefined ? 0 : Number(/^page:(\d+)$/.exec(cursor)?.[1])),
}

export type QueryAsk = 'findPredictions' | 'predictionsOf' | 'select' | 'answer'

/** `called` runs first in every call: it may wait or throw. */
export const fakeQueries = (rows: PredictionRow[], called: (ask: QueryAsk) => Promise<void>): WarehouseQueries => ({
  async findPredictions(filter, cursor, limit) {
    await called('findPredictions')
    const from = pages.size(cursor)
    if (Number.isNaN(from)) throw new EngineError('BAD_REQUEST', 'the cursor is not valid')
    const found = rows.filter((row) => matches(row, filter)).sort((a, b) => b.eventTimeMs - a.eventTimeMs)
    const more = found.length > from + limit
    return { rows: found.slice(from, from + limit), ...(more && { next: `${pages.prefix}${from + limit}` }) }
  },
  async predictionsOf(eventId, tenant) {
    await called('predictionsOf')
    return rows.filter((row) => row.event_id === eventId && (tenant === undefined || row.tenant === tenant))
  },
  async select(sql, limit) {
    await called('select')
    if (!sql.startsWith('SELECT')) throw new EngineError('BAD_REQUEST', 'only a SELECT is answered')
    return { rows: rows.slice(0, limit).map(({ tenant, score }) => ({ tenant, score })), more: rows.length > limit }
  },
  async answer(sql, limit, format) {
    await called('answer')
    return Buffer.from(`${format} of ${sql}, at most ${limit} rows`)
  },
})

const matches = (row: PredictionRow, filter: PredictionFilter): boolean =>
  (['tenant', 'stream', 'risk', 'entity', 'version'] as const).every(
    (name) => filter[name] === undefined || row[name] === filter[name],
  ) &&
  row.eventTimeMs >= (filter.fromMs ?? -Infinity) &&
  row.eventTimeMs < (filter.toMs ?? Infinity)

export const row = (given: Partial<PredictionRow> = {}): PredictionRow => ({
  event_id: 'v1',
  tenant: 'acme',
  stream: 'visit',
  topic: 'visit',
  partition: 0,
  offset: 7,
  origin: 'log',
  entity: 'ann',
  eventTimeMs: Date.parse('2026-01-06T08:00:00Z'),
  recordTimeMs: Date.parse('2026-01-06T08:00:01Z'),
  score: 0.9,
  risk: 'high',
  version: 'visit-1',
  served_by: 'model',
  why: null,
  reasons: ['visits_1h'],
  late: false,
  outcome: null,
  ...given,
})
