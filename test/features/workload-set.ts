import type { Feature, FeatureSet, Value } from '../../src/features/feature.js'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const fiveMinuteTiles = { tileMs: 5 * minuteMs }
const hourTiles = { tileMs: hourMs }
const last = { by: 'person', horizonMs: 60 * dayMs } as const
const hour: Value = { clock: 'hour', column: 'ts' }
const weekday: Value = { clock: 'weekday', column: 'ts' }
const minute: Value = { clock: 'minute-of-day', column: 'ts' }
const missing = Number.NaN

/** The 24 features of the comparison with other engines, in the order that its model was made for. */
const features: Readonly<Record<string, Feature>> = {
  count_1h: { kind: 'count', by: 'person', windowMs: hourMs, keep: fiveMinuteTiles },
  count_6h: { kind: 'count', by: 'person', windowMs: 6 * hourMs, keep: hourTiles },
  count_24h: { kind: 'count', by: 'person', windowMs: dayMs, keep: hourTiles },
  count_7d: { kind: 'count', by: 'person', windowMs: 7 * dayMs, keep: hourTiles },
  sites_24h: { kind: 'distinct', column: 'site_id', by: 'person', windowMs: dayMs, keep: { lastSeen: 256 } },
  devices_7d: { kind: 'distinct', column: 'device_id', by: 'person', windowMs: 7 * dayMs, keep: { lastSeen: 256 } },
  checkin_minute_mean_7d: { kind: 'mean', value: minute, where: { kind: 'in' }, by: 'person', windowMs: 7 * dayMs, keep: hourTiles, otherwise: 0 },
  checkin_minute_std_7d: { kind: 'std', value: minute, where: { kind: 'in' }, by: 'person', windowMs: 7 * dayMs, keep: hourTiles, otherwise: 0 },
  seconds_since_last: { kind: 'elapsed', ...last, otherwise: -1 },
  km_from_last: { kind: 'distance-km', lat: 'lat', lon: 'lon', ...last, otherwise: 0 },
  kmh_from_last: { kind: 'speed-kmh', lat: 'lat', lon: 'lon', ...last, otherwise: 0 },
  accuracy_m: { kind: 'value', value: { column: 'accuracy_m' }, otherwise: missing },
  manual: { kind: 'flag', where: { method: 'manual' } },
  hour: { kind: 'value', value: hour, otherwise: missing },
  weekday: { kind: 'value', value: weekday, otherwise: missing },
  weekend: { kind: 'value', value: { within: weekday, ranges: [[5, 7]] }, otherwise: missing },
  night: { kind: 'value', value: { within: hour, ranges: [[22, 24], [0, 5]] }, otherwise: missing },
  accuracy_mean_24h: { kind: 'mean', value: { column: 'accuracy_m' }, by: 'person', windowMs: dayMs, keep: hourTiles, otherwise: missing },
  manual_share_7d: { kind: 'share', match: { method: 'manual' }, by: 'person', windowMs: 7 * dayMs, keep: hourTiles, otherwise: missing },
  device_changed: { kind: 'changed', column: 'device_id', ...last, otherwise: 0 },
  site_changed: { kind: 'changed', column: 'site_id', ...last, otherwise: 0 },
  site_count_1h: { kind: 'count', by: 'site', windowMs: hourMs, keep: fiveMinuteTiles },
  burst: { kind: 'ratio', over: 'count_1h', under: 'count_24h', otherwise: missing },
  battery: { kind: 'value', value: { column: 'battery' }, otherwise: missing },
}

export const workloadSet: FeatureSet = {
  stream: 'workload',
  tenant: 'tenant_id',
  time: 'ts',
  id: 'event_id',
  key: 'person_id',
  entities: { person: { columns: ['person_id'], scope: 'tenant' }, site: { columns: ['site_id'], scope: 'partition' } },
  features: Object.entries(features).map(([name, feature]) => ({ name, feature })),
  latenessMs: hourMs,
}
