import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { eventTypes } from '../../../src/streams/schema/event-type.js'
import { builtinStreams } from '../../../src/streams/built-in/index.js'
import type { AvroRecord } from '../../../src/contracts/streams.js'
import { validateStream } from '../../../src/streams/language/validate.js'

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

test('the built-in streams are attendance, meter readings, syncs and metrics', () => {
  assert.deepEqual(
    builtinStreams.map(({ name }) => name),
    ['attendance', 'meter-reading', 'sync', 'infra-metric'],
  )
})

test('the event types are those of the schemas (scripts/generate-schemas.js writes them)', () => {
  const schemas = readdirSync(new URL('../../../schemas/', import.meta.url)).filter((name) =>
    /^[a-z-]+\.avsc$/.test(name),
  )
  const records = schemas.sort().map((name) => JSON.parse(read(`schemas/${name}`)) as AvroRecord)
  assert.equal(read('src/streams/built-in/events.ts'), eventTypes(records, '../schema/columns.js'))
})

describe.each(builtinStreams.map((stream) => ({ name: stream.name, stream })))('$name', ({ stream }) => {
  const names = stream.features.map(({ name }) => name)
  const score = (value: (name: string) => number): number =>
    stream.heuristic(Object.fromEntries(names.map((name) => [name, value(name)])))

  test('is valid and has at least 15 features', () => {
    assert.deepEqual(validateStream(stream), [])
    assert.ok(names.length >= 15)
  })

  test('is frozen in all its parts', () => {
    assert.ok(
      Object.isFrozen(stream) &&
        Object.isFrozen(stream.features) &&
        Object.isFrozen(stream.features[0]?.feature) &&
        Object.isFrozen(stream.schema.fields),
    )
  })

  test('is keyed by tenant, so that one partition holds the whole history of a tenant', () =>
    assert.equal(stream.key, stream.tenant))

  test('the heuristic gives a score from 0 to 1 for any vector', () => {
    const number = fc.oneof(
      fc.double(),
      fc.constantFrom(0, 1, -1, Number.NaN, Infinity, -Infinity),
      fc.double({ min: -1e4, max: 1e4 }),
    )
    fc.assert(
      fc.property(fc.array(number, { minLength: names.length, maxLength: names.length }), (vector) => {
        const found = score((name) => vector[names.indexOf(name)]!)
        assert.ok(found >= 0 && found <= 1, String(found))
      }),
    )
  })

  test('the heuristic rates a typical event, and the first event of a new entity, as low risk', () => {
    assert.ok(score((name) => stream.typical?.[name] ?? 0) < stream.risk.medium)
    assert.ok(score(() => Number.NaN) < stream.risk.medium)
  })
})

describe('the heuristic rates as an expert does', () => {
  const usual = (name: string): Record<string, number> => {
    const stream = builtinStreams.find((one) => one.name === name)!
    return Object.fromEntries(stream.features.map((feature) => [feature.name, stream.typical?.[feature.name] ?? 0]))
  }
  const risk = (name: string, unusual: Readonly<Record<string, number>>): string => {
    const { heuristic, risk: levels } = builtinStreams.find((one) => one.name === name)!
    const score = heuristic({ ...usual(name), ...unusual })
    return score >= levels.high ? 'high' : score >= levels.medium ? 'medium' : 'low'
  }

  test.each([
    ['attendance', 'two places at once', 'high', { distance_km: 300, speed_kmh: 900 }],
    ['attendance', 'a step to the side within a second', 'low', { distance_km: 0.2, speed_kmh: 700 }],
    [
      'attendance',
      'the fifth person on the phone of somebody else',
      'high',
      { people_on_device_1h: 5, device_familiarity_28d: 0, device_person_changed: 1, device_elapsed_s: 20 },
    ],
    [
      'attendance',
      'the fifth person on a terminal that is new to this person',
      'low',
      {
        people_on_device_1h: 5,
        people_on_device_7d: 60,
        device_familiarity_28d: 0,
        device_person_changed: 1,
        device_elapsed_s: 20,
        by_terminal: 1,
      },
    ],
    [
      'attendance',
      'a report of a phone that came out of order',
      'low',
      { distance_km: 12, speed_kmh: 40_000, elapsed_s: 0 },
    ],
    [
      'attendance',
      'the same position as before, in the very middle, with an accuracy of 3 m',
      'high',
      { by_phone: 1, accuracy_m: 3, geofence_radii: 0.01, distance_km: 0 },
    ],
    [
      'attendance',
      'a phone that reports the same position to the digit every time',
      'medium',
      { by_phone: 1, same_position_28d: 0.9, geofence_radii: 8 },
    ],
    [
      'attendance',
      'a terminal that reports the same position to the digit every time',
      'low',
      { same_position_28d: 1 },
    ],
    ['meter-reading', 'a counter that falls', 'high', { consumed: -5 }],
    ['meter-reading', 'a reading far from the consumption of its meter', 'high', { jump: 40 }],
    [
      'meter-reading',
      'a plate whose number is far from the trend of the gate camera',
      'low',
      { jump: 40, is_plate: 1 },
    ],
    [
      'sync',
      'an edit of fields that another person changed since the last sync',
      'high',
      { others_since_last_sync: 1, fields_changed: 8, record_user_changed: 1, base_version_step: 0 },
    ],
    ['sync', 'an edit after a long time offline of a record that one person edits', 'low', { offline_h: 72 }],
    ['infra-metric', 'a value beyond the critical threshold', 'high', { of_warning: 1.5, of_critical: 1.1 }],
    ['infra-metric', 'a value rarer than one in a thousand of its own past', 'high', { surprise: 3.1 }],
    ['infra-metric', 'another value of the same incident', 'low', { surprise: 4.5, surprise_peak_12h: 5 }],
  ] as const)('%s: %s has %s risk', (stream, _, expected, unusual) => assert.equal(risk(stream, unusual), expected))
})
