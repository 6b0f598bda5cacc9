import {
  avsc,
  changed,
  count,
  defineStream,
  difference,
  distanceKm,
  distinct,
  elapsed,
  ewma,
  flag,
  hour,
  hoursBetween,
  length,
  mean,
  minuteOfDay,
  othersSince,
  ratio,
  seasonal,
  share,
  sum,
  zscore,
} from '../../../src/index.js'
import type { AttendanceEvent } from '../../../src/streams/built-in/events.js'

/**
 * Code that must not compile. A `@ts-expect-error` is an error when the next line compiles. Nothing of this runs.
 */
export const person = { by: 'person' } as const
export const stream = {
  name: 'typed',
  schema: avsc<AttendanceEvent>(import.meta.url, '../../../schemas/attendance.avsc'),
  id: 'event_id',
  time: 'occurred_at',
  tenant: 'tenant_id',
  entities: { person: 'person_id', device: 'device_id', habit: ['person_id', 'kind'] },
  heuristic: () => 0,
  risk: { high: 0.8, medium: 0.5 },
  outcome: { matureAfter: '14d', silenceMeans: 'genuine' },
} as const
export const events = count('1h', person)

export const mistakes = () => [
  // @ts-expect-error no such column
  defineStream({ ...stream, features: { wrong: mean('latitude', '1h', person) } }),
  // @ts-expect-error a sum of text
  defineStream({ ...stream, features: { wrong: sum('method', '1h', person) } }),
  // @ts-expect-error a mean of points in time
  defineStream({ ...stream, features: { wrong: mean('occurred_at', '1h', person) } }),
  // @ts-expect-error an entity that is not declared
  defineStream({ ...stream, features: { wrong: count('1h', { by: 'site' }) } }),
  // @ts-expect-error an entity that is not declared, after the last event
  defineStream({ ...stream, features: { wrong: elapsed({ by: 'site' }) } }),
  // @ts-expect-error a window that is no duration
  defineStream({ ...stream, features: { wrong: count('1 hour', person) } }),
  // @ts-expect-error a tile that is no duration
  defineStream({ ...stream, features: { wrong: count('1h', { by: 'person', tile: 'minute' }) } }),
  // @ts-expect-error a value that the column never has
  defineStream({ ...stream, features: { wrong: share({ method: 'typed' }, '7d', person) } }),
  // @ts-expect-error one such value in a list, in a condition
  defineStream({ ...stream, features: { wrong: count('1h', { by: 'person', where: { kind: ['in', 'inside'] } }) } }),
  // @ts-expect-error a condition on a column that is not there
  defineStream({ ...stream, features: { wrong: flag({ sort: 'in' }) } }),
  // @ts-expect-error a bound on text
  defineStream({ ...stream, features: { wrong: flag({ method: { atLeast: 1 } }) } }),
  // @ts-expect-error the hour of a number
  defineStream({ ...stream, features: { wrong: hour('lat') } }),
  // @ts-expect-error the hour of a column that is not there
  defineStream({ ...stream, features: { wrong: zscore(minuteOfDay('occured_at'), '28d', person) } }),
  // @ts-expect-error a zone offset that is text
  defineStream({ ...stream, features: { wrong: hour('occurred_at', { offset: 'method' }) } }),
  // @ts-expect-error the length of a number
  defineStream({ ...stream, features: { wrong: length('lat') } }),
  // @ts-expect-error the time between a number and a time
  defineStream({ ...stream, features: { wrong: hoursBetween('lat', 'occurred_at') } }),
  // @ts-expect-error a distance to text
  defineStream({ ...stream, features: { wrong: distanceKm('lat', 'method', person) } }),
  // @ts-expect-error distinct values of a column that is not there
  defineStream({ ...stream, features: { wrong: distinct('phone', '1h', person) } }),
  // @ts-expect-error a change of a column that is not there
  defineStream({ ...stream, features: { wrong: changed('phone', person) } }),
  // @ts-expect-error others since a number
  defineStream({ ...stream, features: { wrong: othersSince('person_id', 'lat', '1d', { by: 'device' }) } }),
  // @ts-expect-error the season of a number
  defineStream({ ...stream, features: { wrong: seasonal('lat', 'lon', { by: 'person', period: 'day', slots: 24 }) } }),
  // @ts-expect-error a half-life that is no duration
  defineStream({ ...stream, features: { wrong: ewma('lat', 'slow', person) } }),
  // @ts-expect-error a ratio of a feature that is not there
  defineStream({ ...stream, features: { events, wrong: ratio('events', 'event') } }),
  // @ts-expect-error a difference of a feature that is not there
  defineStream({ ...stream, features: { events, wrong: difference('event', 'events') } }),
  // @ts-expect-error a heuristic that reads a feature that is not there
  defineStream({ ...stream, features: { events }, heuristic: ({ event }) => Number(event) }),
  // @ts-expect-error what is typical of a feature that is not there
  defineStream({ ...stream, features: { events }, typical: { event: 1 } }),
  // @ts-expect-error a time that is a number
  defineStream({ ...stream, features: { events }, time: 'lat' }),
  // @ts-expect-error an id that is a number
  defineStream({ ...stream, features: { events }, id: 'lat' }),
  // @ts-expect-error a key that may be null
  defineStream({ ...stream, features: { events }, key: 'device_id' }),
  // @ts-expect-error an entity known by a number
  defineStream({ ...stream, entities: { person: 'lat' }, features: { events } }),
  // @ts-expect-error an entity by a column that is not there
  defineStream({ ...stream, entities: { person: ['person_id', 'kin'] }, features: { events } }),
]
