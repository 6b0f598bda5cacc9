import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event, Feature } from '../../../src/features/feature.js'
import type { ClockAhead } from '../../../src/features/plan/plan.js'
import { minuteMs, setOf } from '../../spec/features/histories.js'
import { commit, foldOne, prepare, type Blobs } from '../../spec/features/run.js'

const [hour, day] = [60, 24 * 60]
const count: Feature = { kind: 'count', by: 'site', windowMs: hour * minuteMs, keep: { tileMs: minuteMs } }
const elapsed: Feature = { kind: 'elapsed', by: 'person', horizonMs: 30 * day * minuteMs, otherwise: -1 }
const set = setOf([
  { name: 'at_site', feature: count },
  { name: 'since', feature: elapsed },
])
/** The site belongs to the tenant here; lateness is 15 minutes. */
const plan = compile({ ...set, entities: { ...set.entities, site: { columns: ['site'], scope: 'tenant' } } })

type Punch = readonly [phone: string, minutes: number]
const log = (punches: readonly Punch[]): readonly Event[] =>
  punches.map(([person, minutes], i) => ({
    id: `e${i}`,
    tenant: 'north',
    person,
    device: 'd1',
    site: 's1',
    at: (1_000_000 + minutes) * minuteMs,
  }))

/** Folds event by event, each with a new state from the stored blobs. */
function folded(punches: readonly Punch[]) {
  const blobs: Blobs = new Map()
  const ahead: ClockAhead[] = []
  const steps = log(punches).map((event) => {
    const state = plan.open(10, 1_000)
    prepare(state, [event], blobs)
    const step = foldOne(plan, state, event)
    ahead.push(...state.takeAhead())
    commit(state, blobs)
    return step
  })
  const entities = new Map([...blobs].filter(([key]) => !key.startsWith('#')))
  return { late: steps.flatMap((step, i) => (step.folded === 'late' ? [i] : [])), steps, ahead, entities }
}

/** Nothing is late, and the events at `wrong` leave no trace, but that their sources are named. */
function takesBack(punches: readonly Punch[], wrong: readonly number[]): readonly ClockAhead[] {
  const all = folded(punches)
  const right = folded(punches.filter((_, i) => !wrong.includes(i)))
  assert.deepEqual(all.late, [])
  assert.deepEqual(
    all.steps.flatMap(({ vector }, i) => (wrong.includes(i) ? [] : [vector])),
    right.steps.map(({ vector }) => vector),
  )
  assert.deepEqual(all.entities, right.entities)
  assert.deepEqual(right.ahead, [])
  assert.equal(
    all.ahead.reduce((sum, { events }) => sum + events, 0),
    wrong.length,
  )
  return all.ahead
}

const usual = (from: number, count: number): Punch[] =>
  Array.from({ length: count }, (_, i) => [`p${i % 3}`, from + i] as const)
const month = 30 * day

describe('events from the future disturb nobody else, and their sources are named', () => {
  const cases: Readonly<Record<string, readonly [punches: readonly Punch[], wrong: readonly number[]]>> = {
    'one event a month ahead': [[...usual(0, 4), ['bad', month], ...usual(4, 6)], [4]],
    'one event that is hours ahead': [[...usual(0, 4), ['bad', 180], ...usual(4, 6)], [4]],
    'one event that is a year ahead': [[...usual(0, 4), ['bad', 365 * day], ...usual(4, 6)], [4]],
    'several events in a row of one phone': [
      [...usual(0, 4), ['bad', month], ['bad', month + 1], ['bad', month + 2], ...usual(4, 6)],
      [4, 5, 6],
    ],
    'phones at different times, the later one first': [
      [...usual(0, 4), ['bad', 2 * month], ['worse', month], ...usual(4, 6)],
      [4, 5],
    ],
    'phones at different times, the earlier one first': [
      [...usual(0, 4), ['bad', month], ['worse', 2 * month], ['worst', 3 * month], ...usual(4, 6)],
      [4, 5, 6],
    ],
    'phones at different times, between the others': [
      [
        ...usual(0, 4),
        ['bad', month],
        ...usual(4, 2),
        ['worse', 2 * month],
        ...usual(6, 2),
        ['bad', month + 5],
        ...usual(8, 4),
      ],
      [4, 7, 10],
    ],
    'the first event of a tenant': [[['bad', month], ...usual(0, 6)], [0]],
    'the first events of a tenant': [
      [['bad', month], ['bad', month + 1], ['bad', month + 2], ...usual(0, 6)],
      [0, 1, 2],
    ],
    'the first events of a tenant, with equal and unordered times': [
      [['bad', month + 2], ['bad', month + 2], ['bad', month + 2], ['bad', month + 1], ...usual(0, 6)],
      [0, 1, 2, 3],
    ],
    'a known phone that returns from the future': [
      [...usual(0, 4), ['p0', month], ['p0', 4], ['p0', 5], ...usual(6, 6)],
      [4],
    ],
    'the only phone of a tenant': [
      [
        ['p0', 0],
        ['p0', 1],
        ['p0', month],
        ['p0', month + 1],
        ['p0', 2],
        ['p0', 3],
      ],
      [2, 3],
    ],
    'the first event of the only phone': [
      [['p0', month], ...Array.from({ length: 20 }, (_, i) => ['p0', i] as const)],
      [0],
    ],
    'the first one after a weekend': [
      [...usual(0, 4), ['p0', 3 * day], ['bad', month], ['p1', 3 * day + 1], ...usual(3 * day + 2, 6)],
      [5],
    ],
  }
  for (const [name, [punches, wrong]] of Object.entries(cases))
    test(name, () => {
      for (const { aheadMs } of takesBack(punches, wrong)) assert.ok(aheadMs > 15 * minuteMs)
    })

  test('a finding names tenant, source, how far it was ahead, and how many events', () => {
    assert.deepEqual(takesBack([...usual(0, 4), ['bad', month], ['bad', month + 1], ['p1', 4]], [4, 5]), [
      { tenant: 'north', source: 'bad', aheadMs: (month - 3) * minuteMs, events: 2 },
    ])
  })
})

describe('time goes on', () => {
  test('after a weekend the first event counts, whoever sends it, and what is older is late', () => {
    const monday = 3 * day
    const { late, steps, ahead } = folded([
      ...usual(0, 4),
      ['p0', monday],
      ['p0', monday + 1],
      ['p1', monday + 2],
      ['p2', 5],
    ])
    assert.deepEqual([late, ahead], [[7], []])
    assert.deepEqual(
      steps.slice(4, 7).map(({ vector }) => vector),
      [
        [1, (monday - 3) * 60],
        [2, 60],
        [3, (monday + 1) * 60],
      ],
    )
  })

  test('an upload from before the weekend is no evidence against the first event after it', () => {
    const { late, ahead, steps } = folded([...usual(0, 4), ['p0', 3 * day], ['p1', 1], ['p2', 3 * day + 1]])
    assert.deepEqual([late, ahead], [[], []])
    assert.equal(steps.at(-1)!.vector[0], 2)
  })

  test('the only phone of a tenant moves the time mark by its second newest event', () => {
    assert.deepEqual(
      folded([
        ['p0', 0],
        ['p0', 10],
        ['p0', 20],
        ['p0', -6],
      ]).late,
      [3],
    )
  })

  test('after a pause it does so again when it has sent sixteen events', () => {
    const after: Punch[] = Array.from({ length: 16 }, (_, i) => ['p0', 3 * day + i])
    assert.deepEqual(folded([['p0', 0], ['p0', 1], ...after, ['p0', 3 * day - 2]]).late, [18])
    assert.deepEqual(folded([['p0', 0], ['p0', 1], ...after.slice(1), ['p0', -1]]).late, [])
  })

  test('events that are always further apart than the lateness move it too', () => {
    const sparse: Punch[] = Array.from({ length: 12 }, (_, i) => [`p${i % 3}`, i * hour])
    assert.deepEqual(folded([...sparse, ['p0', 0]]).late, [12])
  })

  test('a second phone below the only one contradicts it, however long it was alone', () => {
    const alone: Punch[] = Array.from({ length: 40 }, (_, i) => ['bad', month + i])
    const { late, ahead } = folded([...alone, ...usual(0, 6)])
    assert.deepEqual([late, ahead.map(({ source, events }) => [source, events])], [[], [['bad', 40]]])
  })
})

test('what one chunk found does not grow with the next chunk', () => {
  const events = log([
    ['a', 0],
    ['b', 1],
    ['wrong', 30 * day],
    ['a', 2],
  ])
  const state = plan.open(10, 1_000)
  prepare(state, events, new Map())
  const found = events.map((event) => {
    foldOne(plan, state, event)
    return state.takeAhead()
  })
  assert.deepEqual(
    found.map((sources) => sources.map(({ source }) => source)),
    [[], [], [], ['wrong']],
  )
})
