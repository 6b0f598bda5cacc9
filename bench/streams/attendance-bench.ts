/**
 * The workload on which other engines were measured, as a user writes it: through the public package alone. 24 features
 * in the order of the reference model; histories of a person, and of a site within its log partition (no
 * repartitioning).
 */
import {
  avsc,
  changed,
  count,
  defineStream,
  distanceKm,
  distinct,
  elapsed,
  field,
  flag,
  hour,
  mean,
  minuteOfDay,
  ratio,
  share,
  speedKmh,
  std,
  weekday,
  within,
} from 'tidemill'
import type { AttendanceBenchEvent } from './attendance-bench-event.js'

const fiveMinutes = { by: 'person', tile: '5m' } as const
const hours = { by: 'person', tile: '1h' } as const
const checkIns = { ...hours, where: { kind: 'in' }, otherwise: 0 } as const
/** Longer than the workload's seven days: a last event is never forgotten there. */
const previous = { by: 'person', horizon: '8d', otherwise: 0 } as const

export const attendanceBench = defineStream({
  name: 'attendance-bench',
  topic: 'bench',
  schema: avsc<AttendanceBenchEvent>(import.meta.url, './attendance-bench.avsc'),
  id: 'event_id',
  time: 'ts',
  tenant: 'tenant_id',
  key: 'person_id',
  entities: { person: 'person_id', site: { columns: 'site_id', scope: 'partition' } },
  features: {
    count_1h: count('1h', fiveMinutes),
    count_6h: count('6h', hours),
    count_24h: count('24h', hours),
    count_7d: count('7d', hours),
    sites_24h: distinct('site_id', '24h', { by: 'person' }),
    devices_7d: distinct('device_id', '7d', { by: 'person' }),
    checkin_minute_mean_7d: mean(minuteOfDay('ts'), '7d', checkIns),
    checkin_minute_std_7d: std(minuteOfDay('ts'), '7d', checkIns),
    elapsed_s: elapsed({ ...previous, otherwise: -1 }),
    distance_km: distanceKm('lat', 'lon', previous),
    speed_kmh: speedKmh('lat', 'lon', previous),
    accuracy_m: field('accuracy_m'),
    manual: flag({ method: 'manual' }),
    hour: hour('ts'),
    weekday: weekday('ts'),
    weekend: within(weekday('ts'), [5, 7]),
    night: within(hour('ts'), [22, 24], [0, 5]),
    accuracy_mean_24h: mean('accuracy_m', '24h', hours),
    manual_share_7d: share({ method: 'manual' }, '7d', hours),
    device_changed: changed('device_id', previous),
    site_changed: changed('site_id', previous),
    site_count_1h: count('1h', { by: 'site', tile: '5m' }),
    pace: ratio('count_1h', 'count_24h'),
    battery: field('battery'),
  },
  model: 'attendance-bench',
  // Scores only where somebody runs this stream without its model.
  heuristic: (x) => (x.manual === 1 ? 0.5 : 0.1),
  risk: { high: 0.8, medium: 0.5 },
  reasonsFrom: 'never',
  outcome: { matureAfter: '7d', silenceMeans: 'unknown' },
})
