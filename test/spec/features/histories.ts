import fc from 'fast-check'
import type { Event, FeatureSet } from '../../../src/features/feature.js'

export const minuteMs = 60_000
export const latenessMs = 15 * minuteMs
/** A Wednesday afternoon, so that histories cross midnight and several weekdays. */
export const startMs = Date.UTC(2025, 0, 8, 15)

export type NamedFeatures = FeatureSet['features']

/**
 * The feature set of the histories. Its entities belong to a tenant or are shared by all, have one or two columns, and
 * may be null.
 */
export const setOf = (features: NamedFeatures): FeatureSet => ({
  stream: 'histories',
  tenant: 'tenant',
  time: 'at',
  id: 'id',
  key: 'tenant',
  entities: {
    person: { columns: ['person'], scope: 'tenant' },
    device: { columns: ['device'], scope: 'tenant' },
    site: { columns: ['site'], scope: 'partition' },
    desk: { columns: ['site', 'device'], scope: 'tenant' },
  },
  features,
  latenessMs,
})

/** Half minutes, so that times are often equal, and often at the edges of windows and tiles. */
const time = (from: number, to: number): fc.Arbitrary<number> =>
  fc.integer({ min: from * 2, max: to * 2 }).map((halves) => (halves * minuteMs) / 2)

const step = fc.oneof(
  { weight: 6, arbitrary: time(0, 12) },
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: time(30, 30 * 60) },
)
/**
 * How far an event's own time is behind the log: mostly 0, often within the lateness, sometimes far beyond it.
 */
const delay = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 4, arbitrary: time(0, latenessMs / minuteMs) },
  { weight: 1, arbitrary: time(0, 4 * 60) },
)
const number = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -40, max: 40 }).map((n) => n / 4) },
  { weight: 1, arbitrary: fc.constant(null) },
)
const degrees = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -60, max: 60 }) },
  { weight: 1, arbitrary: fc.constant(null) },
)

const event = fc.record({
  step,
  delay,
  tenant: fc.constantFrom('north', 'south'),
  person: fc.constantFrom('ann', 'bob'),
  device: fc.constantFrom('d1', 'd2', null),
  site: fc.constantFrom('s1', 's2'),
  colour: fc.constantFrom('red', 'green', 'blue', 'grey', null),
  urgent: fc.boolean(),
  value: number,
  other: number,
  lat: degrees,
  lon: degrees,
  offset: fc.constantFrom(0, 60, -330, null),
  behind: fc.oneof(time(0, 90), time(0, 12), fc.constant(null)),
  repeats: fc.nat({ max: 20 }),
})

/** Events in log order: their times are unordered, some are late, some repeat an id, some have nulls. */
export const histories = (maxLength = 60): fc.Arbitrary<readonly Event[]> =>
  fc.array(event, { minLength: 1, maxLength, size: 'max' }).map((drawn) => {
    let logMs = startMs
    return drawn.map(({ step, delay, behind, repeats, ...columns }, i): Event => {
      logMs += step
      const at = logMs - delay
      return {
        ...columns,
        id: `e${repeats === 0 ? Math.max(0, i - 3) : i}`,
        at,
        since: behind === null ? null : at - behind,
      }
    })
  })
