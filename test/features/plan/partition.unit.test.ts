import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event, Feature } from '../../../src/features/feature.js'
import { keySeparator as separator } from '../../../src/base/keys.js'
import { latenessMs, minuteMs, setOf } from '../../spec/features/histories.js'
import { commit, foldOne, inOneGo, prepare, type Blobs } from '../../spec/features/run.js'

const hour: Feature = { kind: 'count', by: 'person', windowMs: 60 * minuteMs, keep: { exact: 100 } }
const features = [
  { name: 'by_person', feature: hour },
  { name: 'by_device', feature: { ...hour, by: 'device' } },
  { name: 'by_site', feature: { ...hour, by: 'site' } },
  { name: 'since', feature: { kind: 'elapsed', by: 'device', horizonMs: 600 * minuteMs, otherwise: -1 } },
] as const
const plan = compile(setOf(features))

let made = 0
const at = (minutes: number, columns: Event = {}): Event => ({
  id: `e${++made}`,
  tenant: 'north',
  person: 'ann',
  device: 'd1',
  site: 's1',
  at: minutes * minuteMs,
  ...columns,
})
const opened = (events: readonly Event[], cachedEntities = 100, seenIds = 100) => {
  const state = plan.open(cachedEntities, seenIds)
  prepare(state, events, new Map())
  return state
}
const vectors = (events: readonly Event[]) => inOneGo(plan, events).steps

test('an id counts once per tenant, whatever the repeat contains, and a repeat does not write its vector', () => {
  const steps = vectors([
    at(1, { id: 'x' }),
    at(2, { id: 'x', person: 'bob' }),
    at(3, { id: 'x', tenant: 'south' }),
    at(4),
  ])
  assert.deepEqual(
    steps.map((step) => step.folded),
    ['folded', 'duplicate', 'folded', 'folded'],
  )
  assert.equal(steps[3]!.vector[0], 2)
  const state = opened([at(1, { id: 'y' })])
  const [vector, event] = [Float32Array.of(9, 9, 9, 9), at(1, { id: 'y' })]
  prepare(state, [event], new Map())
  state.fold(event, new Float32Array(4), 0)
  assert.equal(state.fold({ ...event }, vector, 0), 'duplicate')
  assert.deepEqual([...vector], [9, 9, 9, 9])
})

test('lateness is per tenant; a late event gets its vector and changes only the remembered ids', () => {
  const late = at(60 - latenessMs / minuteMs - 1)
  const steps = vectors([
    at(30),
    at(60),
    at(60, { person: 'bob', device: 'd2' }),
    late,
    at(61),
    at(20, { tenant: 'south' }),
    { ...late, person: 'bob' },
    at(61 - latenessMs / minuteMs),
  ])
  assert.deepEqual(
    steps.map((step) => step.folded),
    ['folded', 'folded', 'folded', 'late', 'folded', 'folded', 'duplicate', 'folded'],
  )
  assert.deepEqual(steps[3]!.vector.slice(0, 2), [2, 2])
  assert.deepEqual(steps[4]!.vector.slice(0, 2), [3, 3])
})

test('windows are half-open and include the event itself', () => {
  const counts = vectors([at(0), at(60), at(60), at(119)]).map((step) => step.vector[0])
  assert.deepEqual(counts, [1, 1, 2, 3])
})

test('an event without an entity gets the `otherwise` of its features', () => {
  assert.deepEqual(vectors([at(0), at(5, { device: null })])[1]!.vector, [2, 0, 2, -1])
})

test('tenants share an entity of the partition, but not an entity of a tenant', () => {
  assert.deepEqual(vectors([at(0), at(1, { tenant: 'south' })])[1]!.vector, [1, 1, 2, -1])
  assert.equal(plan.keyOf('person', 'north', ['ann']), ['person', 'north', 'ann'].join(separator))
  assert.equal(plan.keyOf('site', 'north', ['s1']), ['site', 's1'].join(separator))
})

test('a new state asks for its own blobs and for each entity once', () => {
  const events = [at(0), at(1), at(2, { device: null })]
  const keys = plan.open(10, 10).missing(events)
  assert.deepEqual(
    [...keys].sort(),
    [
      '#clocks',
      '#seen',
      plan.keyOf('person', 'north', ['ann']),
      plan.keyOf('device', 'north', ['d1']),
      plan.keyOf('site', '', ['s1']),
    ].sort(),
  )
  assert.ok(!plan.open(10, 0).missing(events).includes('#seen'))
})

test('missing returns the same keys until they are admitted, and then none', () => {
  const [state, events] = [plan.open(10, 10), [at(0)]]
  assert.deepEqual(state.missing(events), state.missing(events))
  prepare(state, events, new Map())
  assert.deepEqual(state.missing(events), [])
})

test('events may be folded in another order than that of the lookup', () => {
  const events = [at(0), at(1), at(2)]
  const state = opened(events)
  assert.deepEqual(
    [events[2]!, events[0]!, { ...events[1]! }].map((event) => foldOne(plan, state, event).vector[0]),
    [1, 1, 2],
  )
})

test('a fold before its blobs were admitted, or without a time, is refused', () => {
  const state = plan.open(10, 10)
  assert.throws(() => state.fold(at(0), new Float32Array(4), 0), /before/)
  state.admit(['#clocks', '#seen'], [undefined, undefined])
  assert.throws(() => state.fold(at(0), new Float32Array(4), 0), /before/)
  assert.throws(
    () => opened([at(0)]).fold(at(0, { at: null }), new Float32Array(4), 0),
    (error) => isEngineError(error, 'BAD_FIELD'),
  )
})

describe('the cache', () => {
  const people = Array.from({ length: 20 }, (_, i) => at(i, { person: `p${i}` }))
  const asksFor = (state: ReturnType<typeof opened>, event: Event): boolean =>
    state.missing([{ ...event, id: 'again' }]).includes(plan.keyOf('person', 'north', [event['person'] as string]))

  test('evicts the least recently used entities when it is full and they are committed', () => {
    const state = opened(people, 5)
    const blobs: Blobs = new Map()
    people.forEach((event) => foldOne(plan, state, event))
    commit(state, blobs)
    for (let round = 0; round < 2; round++) prepare(state, [at(30, { person: 'p19' })], blobs)
    assert.ok(asksFor(state, people[0]!))
    assert.ok(!asksFor(state, people[19]!))
  })

  test('keeps dirty entities, and taken ones until they are committed', () => {
    const state = opened(people, 5)
    people.forEach((event) => foldOne(plan, state, event))
    const survivesAll = (): boolean =>
      Array.from({ length: 3 }, () => state.missing([at(30, { person: 'p19' })])).length === 3 &&
      !people.some((event) => asksFor(state, event))
    assert.ok(survivesAll(), 'dirty')
    const dirty = state.takeDirty()
    assert.ok(survivesAll(), 'taken')
    dirty.committed()
    assert.ok(!survivesAll(), 'committed')
  })
})

describe('blobs', () => {
  const stored = (): Blobs => inOneGo(plan, [at(0), at(1)]).blobs

  for (const key of ['#clocks', '#seen', plan.keyOf('person', 'north', ['ann'])])
    test(`of another version are refused: ${JSON.stringify(key)}`, () => {
      const blobs = stored()
      blobs.get(key)![0] = 99
      assert.throws(
        () => prepare(plan.open(10, 1_000), [at(2)], blobs),
        (error) => isEngineError(error, 'STATE_MISMATCH'),
      )
    })

  test('that are truncated are refused', () => {
    const blobs = stored()
    const key = plan.keyOf('person', 'north', ['ann'])
    blobs.set(key, blobs.get(key)!.subarray(0, -8))
    assert.throws(
      () => prepare(plan.open(10, 1_000), [at(2)], blobs),
      (error) => isEngineError(error, 'STATE_MISMATCH'),
    )
  })

  test('expire when no event that is in time can read them any more', () => {
    const events = [at(7), at(7, { person: 'bob' })]
    const state = opened(events)
    foldOne(plan, state, events[0]!)
    const isUnknown = state.takeDirty().puts.every(({ expiresAtMs }) => expiresAtMs === Number.MAX_SAFE_INTEGER)
    assert.ok(isUnknown, 'one source alone confirms no time')
    foldOne(plan, state, events[1]!)
    const expiries = new Map(state.takeDirty().puts.map(({ key, expiresAtMs }) => [key, expiresAtMs]))
    assert.equal(expiries.get(plan.keyOf('person', 'north', ['ann'])), (7 + 60) * minuteMs + latenessMs)
    assert.equal(expiries.get(plan.keyOf('device', 'north', ['d1'])), (7 + 600) * minuteMs + latenessMs)
    assert.equal(expiries.get('#clocks'), Number.MAX_SAFE_INTEGER)
  })

  test('are taken once per change', () => {
    const state = opened([at(0)])
    foldOne(plan, state, at(0))
    assert.equal(state.takeDirty().puts.length, 6)
    assert.deepEqual(state.takeDirty().puts, [])
  })
})
