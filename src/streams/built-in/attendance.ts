import type { AttendanceEvent } from './events.js'
import { defineStream } from '../language/define.js'
import { anyOf, ramp, when } from '../language/evidence.js'
import { avsc } from '../schema/schema.js'
import { changed, distanceKm, elapsed, flag, ratio, speedKmh } from '../language/sequential.js'
import { field, hour, kilometresBetween, minuteOfWorkday, missing, over, times, weekday } from '../language/values.js'
import { count, distinct, familiarity, share, zscore } from '../language/windowed.js'

const local = { offset: 'utc_offset_min' } as const
const hourly = { tile: '1h' } as const
const daily = { tile: '1d' } as const

/**
 * Check-ins and check-outs. Detects two frauds: a person who is not near the site, and one person who checks in for
 * others.
 */
export const attendance = defineStream({
  name: 'attendance',
  schema: avsc<AttendanceEvent>(import.meta.url, '../../../schemas/attendance.avsc'),
  id: 'event_id',
  time: 'occurred_at',
  tenant: 'tenant_id',
  // A person checks in and out at different hours: `habit` separates the two.
  entities: { person: 'person_id', device: 'device_id', site: 'site_id', habit: ['person_id', 'kind'] },
  features: {
    // Movement: nobody can be in two places at once.
    elapsed_s: elapsed({ by: 'person' }),
    distance_km: distanceKm('lat', 'lon', { by: 'person' }),
    speed_kmh: speedKmh('lat', 'lon', { by: 'person' }),
    site_changed: changed('site_id', { by: 'person' }),
    sites_24h: distinct('site_id', '24h', { by: 'person' }),
    site_familiarity_28d: familiarity('site_id', '28d', { by: 'person', prior: true, ...daily }),

    // Devices: a phone belongs to one person; if several people use it within minutes, they pass it around, or one of
    // them checks in for all.
    people_on_device_10m: distinct('person_id', '10m', { by: 'device', exact: 256 }),
    people_on_device_1h: distinct('person_id', '1h', { by: 'device' }),
    people_on_device_7d: distinct('person_id', '7d', { by: 'device' }),
    device_person_changed: changed('person_id', { by: 'device' }),
    device_elapsed_s: elapsed({ by: 'device' }),
    device_changed: changed('device_id', { by: 'person' }),
    devices_7d: distinct('device_id', '7d', { by: 'person' }),
    device_familiarity_28d: familiarity('device_id', '28d', { by: 'person', prior: true, ...daily }),

    // Position: compared with the geofence, and with a real receiver, which never repeats a position to the digit.
    geofence_radii: over(times(kilometresBetween(['lat', 'lon'], ['site_lat', 'site_lon']), 1_000), 'geofence_m'),
    accuracy_m: field('accuracy_m'),
    accuracy_unlike_habit: zscore('accuracy_m', '28d', { by: 'person', prior: true, ...daily, floor: 2 }),
    same_position_28d: familiarity('lat', '28d', { by: 'person', prior: true, where: { method: 'gps' }, exact: 200 }),
    position_missing: missing('lat'),

    // Hours, in local time.
    hour: hour('occurred_at', local),
    weekday: weekday('occurred_at', local),
    hour_unlike_habit: zscore(minuteOfWorkday('occurred_at', local), '28d', {
      by: 'habit',
      prior: true,
      ...daily,
      floor: 15,
    }),
    same_kind_elapsed_s: elapsed({ by: 'habit' }),

    // Method: a phone reports its position, a terminal has a fixed one, a manual entry leaves no evidence.
    by_phone: flag({ method: 'gps' }),
    by_terminal: flag({ method: ['nfc', 'face'] }),
    manual: flag({ method: 'manual' }),
    manual_share_7d: share({ method: 'manual' }, '7d', { by: 'person', ...hourly }),
    site_manual_share_24h: share({ method: 'manual' }, '24h', { by: 'site', prior: true, ...hourly }),

    // Pace: of the person, and of the site (workers who arrive together by bus are not a fraud).
    kind_changed: changed('kind', { by: 'person' }),
    checkins_1h: count('1h', { by: 'person', tile: '5m' }),
    checkins_24h: count('24h', { by: 'person', ...hourly }),
    site_checkins_10m: count('10m', { by: 'site', tile: '1m' }),
    pace: ratio('checkins_1h', 'checkins_24h'),
    battery: field('battery'),
  },
  model: 'attendance-fraud',
  heuristic: (x) => {
    // A phone of a few people that this person hardly ever used and another person used last. A crew's phone or a
    // tablet has many users.
    const notTheirs = x.manual !== 1 && x.people_on_device_7d <= 8 && x.device_familiarity_28d < 0.5
    const outside = ramp(x.geofence_radii, 1.5, 5)
    return anyOf(
      0.01,
      // An airliner flies at 900 km/h. Two reports without time between them arrived out of order; nobody flew.
      when(x.distance_km > 2 && x.elapsed_s > 0, 0.9 * ramp(x.speed_kmh, 150, 400)),
      // A phone that is passed around within minutes, or that one person uses for others.
      when(notTheirs && x.device_person_changed === 1, x.device_elapsed_s < 900 ? 0.85 : 0.5),
      when(notTheirs && x.device_changed === 1, 0.05),
      // A receiver never repeats a position to the digit; an app with invented positions does, and so does a terminal.
      when(
        x.by_phone === 1,
        Math.max(when(x.distance_km === 0 && x.elapsed_s > 600, 0.7), 0.6 * ramp(x.same_position_28d, 0.03, 0.2)),
      ),
      // Nor does it report the exact middle of the geofence with a very good accuracy.
      when(x.by_phone === 1 && x.accuracy_m <= 5, 0.5 * ramp(x.geofence_radii, 0.1, 0.02)),
      // Outside the geofence. Many honest people check out on the road; a position that is switched off is more
      // suspicious.
      outside * (x.accuracy_m > 500 ? 0.5 : 0.1),
      // Manual entries day after day while the site's readers work for others.
      when(x.manual === 1, 0.2 * ramp(x.manual_share_7d, 0.5, 0.9) * ramp(x.site_manual_share_24h, 0.5, 0.1)),
      0.05 * ramp(Math.abs(x.hour_unlike_habit), 3, 8),
    )
  },
  typical: {
    elapsed_s: 32_400,
    distance_km: 0.02,
    people_on_device_10m: 1,
    people_on_device_1h: 1,
    people_on_device_7d: 1,
    sites_24h: 1,
    devices_7d: 1,
    site_familiarity_28d: 1,
    device_familiarity_28d: 1,
    device_elapsed_s: 32_400,
    same_kind_elapsed_s: 86_400,
    accuracy_m: 15,
    geofence_radii: 0.3,
    kind_changed: 1,
    hour: 8,
    checkins_1h: 1,
    checkins_24h: 2,
    battery: 0.6,
  },
  risk: { high: 0.8, medium: 0.5 },
  // Phones without a network send their check-ins later.
  lateness: '12h',
  clock: 'device',
  outcome: { matureAfter: '14d', silenceMeans: 'genuine' },
})
