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

test('the types of their events match the schemas; if not, run scripts/generate-schemas.js', () => {
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

  test('has no problem and 15 features or more', () => {
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

  test('has the tenant as its key, so that every history is in one partition', () =>
    assert.equal(stream.key, stream.tenant))

  test('its heuristic returns a score from 0 to 1 for any vector', () => {
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

  test("its heuristic returns low risk for the typical event and for an entity's first event", () => {
    assert.ok(score((name) => stream.typical?.[name] ?? 0) < stream.risk.medium)
    assert.ok(score(() => Number.NaN) < stream.risk.medium)
  })
})

describe('heuristics agree with an expert:', () => {
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
    ['attendance', 'two places at once', { distance_km: 300, speed_kmh: 900 }, 'high'],
    ['attendance', 'a step aside within a second', { distance_km: 0.2, speed_kmh: 700 }, 'low'],
    [
      'attendance',
      "five people on somebody else's phone",
      { people_on_device_1h: 5, device_familiarity_28d: 0, device_person_changed: 1, device_elapsed_s: 20 },
      'high',
    ],
    [
      'attendance',
      'five people on a terminal that is new to one of them',
      {
        people_on_device_1h: 5,
        people_on_device_7d: 60,
        device_familiarity_28d: 0,
        device_person_changed: 1,
        device_elapsed_s: 20,
        by_terminal: 1,
      },
      'low',
    ],
    [
      'attendance',
      'reports of a phone that came out of order',
      { distance_km: 12, speed_kmh: 40_000, elapsed_s: 0 },
      'low',
    ],
    [
      'attendance',
      'a position that the sender is sure of, in the very middle, and was at before',
      { by_phone: 1, accuracy_m: 3, geofence_radii: 0.01, distance_km: 0 },
      'high',
    ],
    [
      'attendance',
      'a phone that is at the same place to the digit every time',
      { by_phone: 1, same_position_28d: 0.9, geofence_radii: 8 },
      'medium',
    ],
    ['attendance', 'a terminal that is', { same_position_28d: 1 }, 'low'],
    ['meter-reading', 'a counter that falls', { consumed: -5 }, 'high'],
    ['meter-reading', 'a reading far from its own consumption', { jump: 40 }, 'high'],
    ['meter-reading', 'a reading far from the line of a gate camera', { jump: 40, is_plate: 1 }, 'low'],
    [
      'sync',
      'somebody else changed the same fields meanwhile',
      { others_since_last_sync: 1, fields_changed: 8, record_user_changed: 1, base_version_step: 0 },
      'high',
    ],
    ['sync', 'a long time offline on a record of one hand', { offline_h: 72 }, 'low'],
    ['infra-metric', 'beyond the critical threshold', { of_warning: 1.5, of_critical: 1.1 }, 'high'],
    ['infra-metric', 'rarer than one in ten thousand of its own past', { surprise: 4.5 }, 'high'],
    ['infra-metric', 'the same incident again', { surprise: 4.5, surprise_peak_12h: 5 }, 'low'],
  ] as const)('%s, %s', (stream, _, unusual, expected) => assert.equal(risk(stream, unusual), expected))
})
