import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import {
  avsc,
  changed,
  count,
  defineStream,
  distinct,
  elapsed,
  ewma,
  field,
  flag,
  hour,
  length,
  mean,
  quantile,
  ratio,
  robustZscore,
  seasonal,
  share,
  trend,
} from '../../../src/index.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { Duration } from '../../../src/features/feature.js'
import { validateStream } from '../../../src/streams/language/validate.js'
import type { Stream } from '../../../src/streams/stream.js'

const written = {
  name: 'checked',
  schema: avsc(import.meta.url, '../../../schemas/attendance.avsc'),
  id: 'event_id',
  time: 'occurred_at',
  tenant: 'tenant_id',
  entities: { person: 'person_id', device: 'device_id' },
  features: { events: count('1h', { by: 'person' }) },
  heuristic: () => 0,
  risk: { high: 0.8, medium: 0.5 },
  outcome: { matureAfter: '14d', silenceMeans: 'genuine' },
} as const

const good = defineStream(written)
const person = { by: 'person' } as const
const problemsWith = (change: Partial<Stream>): readonly string[] => validateStream({ ...good, ...change })
const problemsOf = (features: Parameters<typeof define>[0]): readonly string[] => {
  try {
    define(features)
  } catch (error) {
    assert.ok(isEngineError(error, 'BAD_STREAM'))
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
  return []
}
const define = (features: Record<string, ReturnType<typeof count> | ReturnType<typeof hour>>): Stream =>
  defineStream({ ...written, features: features as never })

describe('a good stream', () => {
  test('has no problems', () => assert.deepEqual(validateStream(good), []))

  test('has a retention of 35 days more than its features and late events need', () => {
    const day = 86_400_000
    assert.equal(
      defineStream({ ...written, lateness: '12h', features: { events: count('28d', person) } }).retentionMs,
      (28 + 0.5 + 35) * day,
    )
  })

  test('has sixty tiles per window by default', () => {
    const keeps = defineStream({
      ...written,
      features: {
        a: count('1h', person),
        b: count('1h', { by: 'person', tile: '5m' }),
        c: count('1h', { by: 'person', exact: 9 }),
      },
    }).features.map(({ feature }) => 'keep' in feature && feature.keep)
    assert.deepEqual(keeps, [{ tileMs: 60_000 }, { tileMs: 300_000 }, { exact: 9 }])
  })
})

describe('start-up refuses', () => {
  test('every mistake at once', () => {
    const problems = problemsOf({
      a: count('1h', { by: 'site' }),
      b: mean('method', '1h', person) as never,
      c: hour('lat'),
    })
    assert.deepEqual(problems, [
      "features.b: column 'method' holds enum; mean needs a number",
      "features.c: column 'lat' holds number; hour needs a timestamp-millis",
      "features.a: by: there is no entity 'site'; there are person, device",
    ])
  })

  test.each([
    ['name', { name: 'My Stream' }, /^name: 'My Stream' must be/],
    ['topic', { topic: 'a b' }, /^topic:/],
    ['model', { model: '../secrets' }, /^model:/],
    ['id', { id: 'nr' }, /^id: the schema has no column 'nr'/],
    ['id', { id: 'lat' }, /^id: column 'lat' holds number, must hold text/],
    ['time', { time: 'utc_offset_min' }, /^time: column 'utc_offset_min' holds integer, must hold a timestamp-millis/],
    ['tenant', { tenant: 'device_id' }, /^tenant: column 'device_id' may be null/],
    ['entities', { entities: {} }, /^entities: at least one/],
    [
      'entities',
      { entities: { person: { columns: ['who'], scope: 'tenant' as const } } },
      /^entities.person: the schema has no column 'who'/,
    ],
    [
      'entities',
      { entities: { person: { columns: ['lat'], scope: 'tenant' as const } } },
      /^entities.person: column 'lat' holds number; an id is text/,
    ],
    ['partitions', { partitions: 0 }, /^partitions: 0 must be a whole number/],
    [
      'retention',
      { retentionMs: 3_600_000 },
      /^retention: 1h is shorter than the longest horizon \(1h\) plus the lateness \(1h\)/,
    ],
    ['lateness', { latenessMs: -1 }, /^latenessMs: -1 is no duration/],
    ['risk', { risk: { high: 0.5, medium: 0.5 } }, /^risk: medium 0.5 and high 0.5 must be/],
    ['outcome', { outcome: { matureAfterMs: 0, silenceMeans: 'genuine' as const } }, /^outcome.matureAfter:/],
    ['features', { features: [] }, /^features: there are none/],
    ['typical', { typical: { event: 1 } }, /^typical.event: there is no such feature/],
    ['heuristic', { heuristic: () => Number.NaN }, /^heuristic: returns NaN with every feature missing/],
    [
      'heuristic',
      { heuristic: (x: Readonly<Record<string, number>>) => x.events! / 2 },
      /^heuristic: returns NaN with every feature missing/,
    ],
    ['heuristic', { heuristic: () => 7 }, /^heuristic: returns 7/],
  ])('a wrong %s', (_, change, problem) => assert.match(problemsWith(change)[0] ?? 'nothing', problem))

  test('features of entities whose events are spread over partitions', () => {
    const [problem, ...others] = problemsWith({
      key: 'person_id',
      entities: {
        person: { columns: ['person_id'], scope: 'tenant' },
        habit: { columns: ['person_id', 'kind'], scope: 'tenant' },
        device: { columns: ['device_id'], scope: 'tenant' },
      },
    })
    assert.match(problem!, /^entities.device: its events are spread over partitions, because the key is 'person_id'/)
    assert.deepEqual(others, [])
    assert.deepEqual(
      problemsWith({
        key: 'person_id',
        entities: {
          person: { columns: ['person_id'], scope: 'tenant' },
          device: { columns: ['device_id'], scope: 'partition' },
        },
      }),
      [],
    )
  })

  const hours = '1x' as Duration
  test.each([
    ['a window that is none', count(hours, person), /window must be a duration such as '90s'/],
    ['a horizon that is none', elapsed({ by: 'person', horizon: hours }), /horizon must be a duration/],
    [
      'a window that is no whole number of tiles',
      count('1h', { by: 'person', tile: '7m' }),
      /keep.tileMs: the window of 3600000 ms is not a multiple of 420000 ms/,
    ],
    ['tiles without number', count('4w', { by: 'person', tile: '1s' }), /at most 4096 are possible/],
    [
      'a history without bound',
      count('1h', { by: 'person', exact: 1e9 }),
      /keep.exact: 1000000000 must be a whole number from 1 to/,
    ],
    [
      'distinct values without bound',
      distinct('site_id', '1h', { by: 'person', lastSeen: 0 }),
      /keep.lastSeen: 0 must be/,
    ],
    [
      'a robust score without exact values',
      {
        feature: {
          ...robustZscore('lat', '1h', { by: 'person', exact: 9 }).feature,
          keep: { tileMs: 60_000 },
        } as never,
      },
      /keep: a robust-zscore needs the values themselves/,
    ],
    ['a quantile beyond 1', quantile('lat', 99, '1h', { by: 'person', exact: 9 }), /q: 99 must lie in 0..1/],
    ['a floor below 0', trend('lat', '1h', { by: 'person', exact: 9, floor: -1 }), /floor: -1 must be 0 or more/],
    ['a half-life that is none', ewma('lat', hours, person), /halfLife must be a duration/],
    ['half a slot', seasonal('lat', 'occurred_at', { by: 'person', period: 'day', slots: 0.5 }), /slots: 0.5 must be/],
    [
      'a value that the column never has',
      share({ method: 'typed' }, '1h', person),
      /column 'method' is never "typed"; it is one of 'gps', 'nfc', 'face', 'manual'/,
    ],
    ['a bound on text', flag({ site_id: { atLeast: 1 } }), /column 'site_id' holds text; a bound needs a number/],
    ['a condition on nothing', flag({}), /a condition without columns/],
    ['the length of a number', length('lat'), /column 'lat' holds number; length needs text/],
    ['a change of nothing', changed('phone', person), /the schema has no column 'phone'/],
    ['a ratio of what comes later', ratio('later', 'wrong'), /over: 'later' must be declared before it/],
    [
      'a season of another time than the event',
      {
        feature: {
          ...seasonal('lat', 'occurred_at', { by: 'person', period: 'day', slots: 24 }).feature,
          time: 'event_id',
        } as never,
      },
      /column 'event_id' holds text; seasonal needs a timestamp-millis/,
    ],
    ['a value that is not there', field('latt'), /the schema has no column 'latt'/],
  ])('%s', (_, feature, problem) =>
    assert.match(problemsOf({ wrong: feature as never, later: count('1h', person) })[0] ?? 'nothing', problem),
  )

  test('an unsupported schema', () => {
    const [first] = good.schema.fields
    const fields = [...good.schema.fields, { name: 'tags', type: { type: 'array', items: 'string' } }]
    assert.match(
      problemsWith({ schema: { ...good.schema, fields } })[0]!,
      /^schema field tags: type .*array.* is not supported/,
    )
    assert.match(
      problemsWith({ schema: { ...good.schema, fields: [...good.schema.fields, first!] } })[0]!,
      /^schema field event_id: appears twice/,
    )
    assert.match(
      problemsWith({ olderSchemas: [{ ...good.schema, fields: good.schema.fields.slice(1) }] })[0]!,
      /^older schema 1: its events cannot be read with the current one/,
    )
  })
})
