import fc from 'fast-check'
import type { Feature } from '../../../src/features/feature.js'
import type { Value, Where } from '../../../src/features/value.js'
import { minuteMs, type NamedFeatures } from './histories.js'

type Kind = Feature['kind']

const by = fc.constantFrom('person', 'device', 'site', 'desk')
const windowMs = fc.constantFrom(10, 30, 60, 180).map((minutes) => minutes * minuteMs)
const horizonMs = fc.constantFrom(20, 120, 2_880).map((minutes) => minutes * minuteMs)
const tile = fc.constantFrom(5, 10).map((minutes) => ({ tileMs: minutes * minuteMs }))
const exact = fc.constantFrom(1, 3, 8, 100).map((cap) => ({ exact: cap }))
const otherwise = fc.constantFrom(-1, 0, Number.NaN)
/** A smaller divisor would enlarge rounding errors to visible digits. */
const floor = fc.constantFrom(0.5, 2)
const atLeast = fc.constantFrom(1, 3)

const condition = fc.constantFrom<Where>(
  { colour: 'red' },
  { colour: ['red', 'green'], urgent: true },
  { value: { atLeast: -2, atMost: 5 } },
  { urgent: false },
)
const where = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: condition.map((one) => ({ where: one })) },
)
const prior = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ prior: true as const }) },
)

const column = fc.constantFrom('value', 'other')
const value = fc.oneof(
  { weight: 4, arbitrary: column.map((name): Value => ({ column: name })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Value>(
      { op: '-', left: { column: 'value' }, right: { column: 'other' } },
      { op: '*', left: { constant: 3 }, right: { op: 'abs', of: { column: 'value' } } },
      { clock: 'minute-of-day', column: 'at', offset: 'offset' },
      { clock: 'weekday', column: 'at' },
      { between: ['since', 'at'], unitMs: minuteMs },
      {
        within: { column: 'value' },
        ranges: [
          [-3, 0],
          [4, 9],
        ],
      },
      { op: 'length', of: { column: 'colour' } },
      { missing: 'value' },
    ),
  },
)

const rolling = <T>(
  rest: fc.Arbitrary<T>,
  keep: fc.Arbitrary<{ readonly exact: number } | { readonly tileMs: number }> = fc.oneof(tile, exact),
) =>
  fc
    .tuple(by, windowMs, where, prior, keep, rest)
    .map(([by, windowMs, where, prior, keep, rest]) => ({ by, windowMs, ...where, ...prior, keep, ...rest }))
const last = <T>(rest: fc.Arbitrary<T>) =>
  fc.tuple(by, horizonMs, where, rest).map(([by, horizonMs, where, rest]) => ({ by, horizonMs, ...where, ...rest }))
const asFeature = (kind: Kind, arbitrary: fc.Arbitrary<object>): fc.Arbitrary<Feature> =>
  arbitrary.map((rest) => ({ kind, ...rest }) as Feature)

const deviation = fc.record({ value, floor, atLeast, otherwise })
const point = fc.record({ lat: fc.constant('lat'), lon: fc.constant('lon'), otherwise })
const counted = fc.constantFrom('mark', 'size')

/** Arbitrary features of every kind. Features of features use `mark` and `size`, which `mixOf` declares first. */
export const kinds: Readonly<Record<Kind, fc.Arbitrary<Feature>>> = {
  value: asFeature('value', fc.record({ value, otherwise })),
  flag: asFeature(
    'flag',
    condition.map((one) => ({ where: one })),
  ),
  count: asFeature('count', rolling(fc.constant({}))),
  sum: asFeature('sum', rolling(fc.record({ value, otherwise }))),
  mean: asFeature('mean', rolling(fc.record({ value, otherwise }))),
  std: asFeature('std', rolling(fc.record({ value, otherwise }))),
  min: asFeature('min', rolling(fc.record({ value, otherwise }))),
  max: asFeature('max', rolling(fc.record({ value, otherwise }))),
  share: asFeature('share', rolling(fc.record({ match: condition, otherwise }))),
  zscore: asFeature('zscore', rolling(deviation)),
  'robust-zscore': asFeature('robust-zscore', rolling(deviation, exact)),
  trend: asFeature(
    'trend',
    rolling(
      fc.record({
        value,
        floor,
        atLeast,
        otherwise,
        as: fc.constantFrom('residual', 'deviation', 'slope'),
        unitMs: fc.constant(minuteMs),
      }),
      exact,
    ),
  ),
  quantile: asFeature(
    'quantile',
    rolling(fc.record({ value, q: fc.constantFrom(0, 0.25, 0.5, 0.9, 1), otherwise }), exact),
  ),
  distinct: asFeature(
    'distinct',
    fc
      .tuple(
        rolling(fc.constant({})),
        fc.oneof(
          exact,
          fc.constantFrom(1, 2, 5).map((lastSeen) => ({ lastSeen })),
        ),
      )
      .map(([one, keep]) => ({ ...one, column: 'colour', keep })),
  ),
  'others-since': asFeature(
    'others-since',
    fc
      .tuple(by, windowMs, where, exact, otherwise)
      .map(([by, windowMs, where, keep, otherwise]) => ({
        by,
        windowMs,
        ...where,
        keep,
        column: 'colour',
        since: 'since',
        otherwise,
      })),
  ),
  familiarity: asFeature('familiarity', rolling(fc.record({ column: fc.constant('colour'), otherwise }))),
  last: asFeature('last', last(fc.record({ value, otherwise }))),
  elapsed: asFeature('elapsed', last(fc.record({ otherwise }))),
  changed: asFeature('changed', last(fc.record({ column: fc.constant('colour'), otherwise }))),
  delta: asFeature('delta', last(fc.record({ value, otherwise }))),
  rate: asFeature('rate', last(fc.record({ value, unitMs: fc.constantFrom(1_000, minuteMs), otherwise }))),
  'distance-km': asFeature('distance-km', last(point)),
  'speed-kmh': asFeature('speed-kmh', last(point)),
  ewma: asFeature(
    'ewma',
    last(
      fc.record({
        value,
        halfLifeMs: fc.constantFrom(5 * minuteMs, 60 * minuteMs),
        as: fc.constantFrom('mean', 'deviation'),
        floor,
        otherwise,
      }),
    ),
  ),
  seasonal: asFeature(
    'seasonal',
    last(
      fc
        .tuple(
          fc.record({
            value,
            time: fc.constant('at'),
            period: fc.constantFrom('day', 'week'),
            slots: fc.constantFrom(1, 4, 24, 97),
            as: fc.constantFrom('mean', 'deviation'),
            floor,
            atLeast,
            otherwise,
          }),
          fc.constantFrom({}, { offset: 'offset' }),
        )
        .map(([one, offset]) => ({ ...one, ...offset })),
    ),
  ),
  'neighbour-distance': asFeature(
    'neighbour-distance',
    last(
      fc.record({
        value,
        lags: fc.constantFrom(1, 2),
        nearest: fc.constantFrom(1, 3),
        cap: fc.constantFrom(5, 20),
        otherwise,
      }),
    ),
  ),
  ratio: asFeature('ratio', fc.record({ over: counted, under: counted, otherwise })),
  difference: asFeature('difference', fc.record({ left: counted, right: counted })),
  surprise: asFeature(
    'surprise',
    last(
      fc.record({
        of: fc.constantFrom(['mark'], ['mark', 'size']),
        tail: fc.constantFrom(undefined, true as const),
        halfLifeMs: fc.constantFrom(20 * minuteMs, 600 * minuteMs, 60_000 * minuteMs),
        otherwise,
      }),
    ),
  ),
  peak: asFeature(
    'peak',
    fc
      .tuple(by, windowMs, where, tile, counted, otherwise)
      .map(([by, windowMs, where, keep, of, otherwise]) => ({ by, windowMs, ...where, keep, of, otherwise })),
  ),
}

/** The features that others are made of. They are exact, so that both sides rank the same numbers. */
const operands: NamedFeatures = [
  { name: 'mark', feature: { kind: 'value', value: { column: 'value' }, otherwise: Number.NaN } },
  { name: 'size', feature: { kind: 'count', by: 'person', windowMs: 30 * minuteMs, keep: { exact: 50 } } },
]

export const named = (features: readonly Feature[]): NamedFeatures => [
  ...operands,
  ...features.map((feature, i) => ({ name: `${feature.kind}_${i}`, feature })),
]

export const ofKind = (kind: Kind): fc.Arbitrary<NamedFeatures> =>
  fc.array(kinds[kind], { minLength: 1, maxLength: 3 }).map(named)
export const mixes: fc.Arbitrary<NamedFeatures> = fc
  .array(fc.oneof(...Object.values(kinds)), { minLength: 2, maxLength: 10 })
  .map(named)
