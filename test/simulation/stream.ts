import { compileStream } from '../../src/consumers/compiled.js'
import { avsc, count, defineStream, distinct, elapsed, ewma, field, mean } from '../../src/index.js'

/** What the simulation scores: small, with features that are exact and tiled, of one entity and across entities. */
export const stream = compileStream(
  defineStream({
    name: 'doors',
    schema: avsc(import.meta.url, '../fixtures/doors.avsc'),
    id: 'event_id',
    time: 'at',
    tenant: 'tenant_id',
    entities: { badge: 'badge', door: 'door' },
    features: {
      force: field('force'),
      passes_1h: count('1h', { by: 'badge' }),
      badges_at_door_1h: distinct('badge', '1h', { by: 'door' }),
      mean_force_1d: mean('force', '1d', { by: 'badge', exact: 100, otherwise: 0 }),
      usual_force: ewma('force', '6h', { by: 'badge', otherwise: 0 }),
      since_last_s: elapsed({ by: 'badge', otherwise: -1 }),
    },
    lateness: '1h',
    partitions: 2,
    model: 'door-force',
    heuristic: (x) => Math.min(1, (x.passes_1h || 0) / 10 + (x.mean_force_1d || 0) / 1_000),
    risk: { high: 0.8, medium: 0.5 },
    outcome: { matureAfter: '7d', silenceMeans: 'genuine' },
  }),
)

export const seenIds = 40
export const badShare = { share: 0.9, records: 20 }
