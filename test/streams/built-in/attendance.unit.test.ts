import { describe, test } from 'vitest'
import { attendance } from '../../../src/streams/built-in/attendance.js'
import { drive } from '../../drive/drive.js'
import { again } from '../../drive/story.js'
import { berlin, checkIn, checkOut, hamburg, people, phone, terminal, workdays } from '../../drive/words/attendance.js'

const ann = { person: 'ann', device: 'phone-of-ann' }

describe('a check-in', () => {
  test('like those of the days before is low risk and needs no reasons', () =>
    drive(attendance)
      .given(workdays(10, ann))
      .when(checkIn({ ...ann, after: '16h' }))
      .then({
        risk: 'low',
        score: { to: 0.1 },
        reasons: [],
        by: 'heuristic:no-model',
        features: { elapsed_s: 57_600 },
      }))

  test('of somebody who was never seen before is low risk', () =>
    drive(attendance)
      .when(checkIn({ person: 'bob', device: 'phone-of-bob' }))
      .then({ risk: 'low', features: { elapsed_s: null, distance_km: null, checkins_24h: 1 } }))

  test('255 km away after half an hour is high risk, because of the speed', () =>
    drive(attendance)
      .given(workdays(3, ann))
      .when(checkIn({ ...ann, site: hamburg, after: '30m' }))
      .then({
        risk: 'high',
        reasons: ['speed_kmh'],
        features: { distance_km: { from: 254, to: 256 }, speed_kmh: { from: 500, to: 520 }, site_changed: 1 },
      }))

  test('255 km away after a day of travel is low risk', () =>
    drive(attendance)
      .given(workdays(3, ann))
      .when(checkIn({ ...ann, site: hamburg, after: '16h' }))
      .then({ risk: 'low', features: { speed_kmh: { to: 20 } } }))

  test('as the fifth person on one phone within an hour is high risk', () =>
    drive(attendance)
      .given(workdays(5, ann), people(4).checkInWith(phone('p1'), { minutesApart: 5 }))
      .when(checkIn({ person: 'ann', device: 'p1' }))
      .then({
        risk: 'high',
        reasons: ['device_person_changed', 'device_elapsed_s'],
        features: { people_on_device_1h: 5, people_on_device_10m: { from: 3 }, device_familiarity_28d: 0 },
      }))

  test('as the fifth person on a reader of the wall within an hour is low risk', () =>
    drive(attendance)
      .given(
        workdays(5, ann),
        people(60, 'colleague').checkInWith(terminal('gate'), { minutesApart: 1 }),
        people(4).checkInWith(terminal('gate'), { minutesApart: 5 }),
      )
      .when(checkIn({ person: 'ann', device: terminal('gate') }))
      .then({ risk: 'low', features: { people_on_device_1h: { from: 5 }, by_terminal: 1 } }))

  test('from the very spot of the day before, to the digit, is suspicious', () =>
    drive(attendance)
      .given(workdays(3, ann), checkIn({ ...ann, after: '16h', columns: { lat: berlin.lat, lon: berlin.lon } }))
      .when(checkOut({ ...ann, after: '8h', columns: { lat: berlin.lat, lon: berlin.lon } }))
      .then({ risk: 'medium', features: { distance_km: 0 } }))

  test('by hand, without a position, has no distance', () =>
    drive(attendance)
      .given(workdays(3, ann))
      .when(checkIn({ ...ann, device: { device: 'desk', method: 'manual' }, columns: { lat: null, lon: null } }))
      .then({ features: { distance_km: null, position_missing: 1, manual: 1 } }))
})

describe('a record that is no check-in', () => {
  test('with a latitude beyond the pole is a dead letter that names the field', () =>
    drive(attendance)
      .when(checkIn({ ...ann, columns: { lat: 91 } }))
      .then({ deadLetter: 'BAD_FIELD', because: /'lat'/ }))

  test('from the future is a dead letter', () =>
    drive(attendance)
      .when(checkIn({ ...ann, ahead: '9d' }))
      .then({ deadLetter: 'TIME_OUT_OF_RANGE', because: /occurred_at/ }))

  test('of a tenant that is not configured is a dead letter', () =>
    drive(attendance, { tenants: new Set(['acme']) })
      .when(checkIn({ ...ann, tenant: 'stranger' }))
      .then({ deadLetter: 'UNKNOWN_TENANT' }))
})

describe('a phone without a network', () => {
  test('sends its check-ins within twelve hours: they are scored in their place', () =>
    drive(attendance)
      .given(workdays(3, ann))
      .when(checkIn({ person: 'bob', device: 'phone-of-bob', ago: '11h' }))
      .then({ late: false }))

  test('sends a check-in after twelve hours: it is scored, is late and leaves no trace', () =>
    drive(attendance)
      .given(workdays(3, ann), checkIn({ person: 'cem', device: 'phone-of-cem' }), checkIn(ann))
      .given(checkIn({ person: 'bob', device: 'phone-of-bob', ago: '13h' }))
      .when(checkIn({ person: 'bob', device: 'phone-of-bob', ago: '13h' }), checkIn({ person: 'bob', device: 'other' }))
      .then([
        { late: true, features: { checkins_24h: 1 } },
        { late: false, features: { checkins_24h: 1, elapsed_s: null } },
      ]))

  test('sends the same check-in again: it is scored once', () =>
    drive(attendance).given(checkIn(ann)).when(again()).then({ duplicate: true }))
})
