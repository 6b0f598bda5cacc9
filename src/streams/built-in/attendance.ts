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
 * Check-ins and check-outs. The fraud looked for: being nowhere near the site, and one person checking in for others.
 */
export const attendance = defineStream({
  name: 'attendance',
  schema: avsc<AttendanceEvent>(import.meta.url, '../../../schemas/attendance.avsc'),
  id: 'event_id',
  time: 'occurred_at',
  tenant: 'tenant_id',
  // A person comes and goes at different hours: `habit` keeps the two apart.
  entities: { person: 'person_id', device: 'device_id', site: 'site_id', habit: ['person_id', 'kind'] },
  features: {
    // Movement: nobody is in two places at once.
    elapsed_s: elapsed({ by: 'person' }),
    distance_km: distanceKm('lat', 'lon', { by: 'person' }),
    speed_kmh: speedKmh('lat', 'lon', { by: 'person' }),
    site_changed: changed('site_id', { by: 'person' }),
    sites_24h: distinct('site_id', '24h', { by: 'person' }),
    site_familiarity_28d: familiarity('site_id', '28d', { by: 'person', prior: true, ...daily }),

    // Devices: a phone belongs to one person; a phone that serves several in minutes is being passed around, or held by
    // one.
    people_on_device_10m: distinct('person_id', '10m', { by: 'device', exact: 256 }),
    people_on_device_1h: distinct('person_id', '1h', { by: 'device' }),
    people_on_device_7d: distinct('person_id', '7d', { by: 'device' }),
    device_person_changed: changed('person_id', { by: 'device' }),
    device_elapsed_s: elapsed({ by: 'device' }),
    device_changed: changed('device_id', { by: 'person' }),
    devices_7d: distinct('device_id', '7d', { by: 'person' }),
    device_familiarity_28d: familiarity('device_id', '28d', { by: 'person', prior: true, ...daily }),

    // Position: against the geofence, and against what a real receiver reports (it never repeats itself to the digit).
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

    // Method: a phone says where it is, a terminal on the wall is where it is, typing it in leaves no evidence.
    by_phone: flag({ method: 'gps' }),
    by_terminal: flag({ method: ['nfc', 'face'] }),
    manual: flag({ method: 'manual' }),
    manual_share_7d: share({ method: 'manual' }, '7d', { by: 'person', ...hourly }),
    site_manual_share_24h: share({ method: 'manual' }, '24h', { by: 'site', prior: true, ...hourly }),

    // Pace: of the person, and of the site (a bus of workers arrives together and is no fraud).
    kind_changed: changed('kind', { by: 'person' }),
    checkins_1h: count('1h', { by: 'person', tile: '5m' }),
    checkins_24h: count('24h', { by: 'person', ...hourly }),
    site_checkins_10m: count('10m', { by: 'site', tile: '1m' }),
    pace: ratio('checkins_1h', 'checkins_24h'),
    battery: field('battery'),
  },
  model: 'attendance-fraud',
  heuristic: (x) => {
    // A phone of a few people that this one hardly ever used, and somebody else did last. A crew's phone and a tablet
    // serve many.
    const notTheirs = x.manual !== 1 && x.people_on_device_7d <= 8 && x.device_familiarity_28d < 0.5
    const outside = ramp(x.geofence_radii, 1.5, 5)
    return anyOf(
      0.01,
      // An airliner does 900 km/h. No time at all between two reports says that they came out of order, not that
      // anybody flew.
      when(x.distance_km > 2 && x.elapsed_s > 0, 0.9 * ramp(x.speed_kmh, 150, 400)),
      // Passed around within minutes, or held by one who punches for others.
      when(notTheirs && x.device_person_changed === 1, x.device_elapsed_s < 900 ? 0.85 : 0.5),
      when(notTheirs && x.device_changed === 1, 0.05),
      // A receiver never repeats itself to the digit; an app that makes positions up does, and so does a terminal on a
      // wall.
      when(
        x.by_phone === 1,
        Math.max(when(x.distance_km === 0 && x.elapsed_s > 600, 0.7), 0.6 * ramp(x.same_position_28d, 0.03, 0.2)),
      ),
      // Nor does it stand in the very middle of the geofence and claim to be sure of that.
      when(x.by_phone === 1 && x.accuracy_m <= 5, 0.5 * ramp(x.geofence_radii, 0.1, 0.02)),
      // From the road, as many check out honestly; with the position switched off it looks as if there were something
      // to hide.
      outside * (x.accuracy_m > 500 ? 0.5 : 0.1),
      // Typed in day after day where others' readers work.
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
  // Phones without a network send their check-ins when they have one again.
  lateness: '12h',
  outcome: { matureAfter: '14d', silenceMeans: 'genuine' },
})
