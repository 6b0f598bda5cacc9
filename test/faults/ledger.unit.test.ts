import { expect, test } from 'vitest'
import type { LogRecord } from '../../src/log/event-log.js'
import { judge, type Evidence } from './ledger.js'
import { deadLetter, duplicate, positionOf } from './results.js'
import { differenceOf, type State } from './state.js'

const record = (offset: number, id: string): LogRecord => ({
  offset,
  timestampMs: 0,
  key: null,
  value: Buffer.from(id),
  headers: {},
})
const results = [
  [positionOf(0, 0), 'prediction a'],
  [positionOf(0, 1), duplicate],
  [positionOf(1, 0), deadLetter('BAD_JSON')],
] as const

const evidence = (changed: Partial<Evidence> = {}): Evidence => ({
  acknowledged: [
    { id: 'a', partition: 0, offset: 0 },
    { id: 'a', partition: 0, offset: 1 },
    { id: 'b', partition: 1, offset: 0 },
  ],
  input: [[record(0, 'a'), record(1, 'a')], [record(0, 'b')]],
  idOf: ({ value }) => value?.toString(),
  expected: new Map(results),
  viewed: { rows: results, rawCopies: 3 },
  published: { rows: results.slice(0, 2), repeated: 0, stale: 0 },
  state: { blobs: 1, different: [] },
  ...changed,
})

const violationsOf = (changed: Partial<Evidence>): string => judge(evidence(changed)).violations.join('\n')

test('two runs that agree keep the promise; raw copies are told and are no violation', () => {
  const { violations, figures } = judge(evidence())
  expect(violations).toEqual([])
  expect(figures).toMatchObject({
    acknowledged: 3,
    records: 3,
    results: 3,
    lost: 0,
    twice: 0,
    differing: 0,
    rawCopies: 3,
  })
})

test('an acknowledged event that the log lost is found, also where another stands at its place', () => {
  expect(violationsOf({ input: [[record(0, 'a')], [record(0, 'b')]] })).toContain(
    '1 acknowledged events are not in the log: a at 0/1',
  )
  expect(violationsOf({ input: [[record(0, 'a'), record(1, 'c')], [record(0, 'b')]] })).toContain('a at 0/1')
})

test('a record without a result, with two, and a result without a record are found', () => {
  expect(violationsOf({ viewed: { rows: results.slice(1), rawCopies: 0 } })).toContain(
    '1 records have no visible result: 0/0',
  )
  expect(violationsOf({ viewed: { rows: [...results, results[0]], rawCopies: 0 } })).toContain(
    '1 records have more than one visible result: 0/0',
  )
  expect(violationsOf({ viewed: { rows: [...results, [positionOf(3, 9), duplicate]], rawCopies: 0 } })).toContain(
    '1 visible results belong to no record: 3/9',
  )
})

test('one other bit is found, in what is shown and in what was published', () => {
  expect(
    violationsOf({ viewed: { rows: [[positionOf(0, 0), 'prediction b'], ...results.slice(1)], rawCopies: 0 } }),
  ).toContain('0/0: prediction b, undisturbed: prediction a')
  expect(violationsOf({ published: { rows: [[positionOf(0, 0), 'prediction b']], repeated: 0, stale: 1 } })).toContain(
    'published rows differ',
  )
})

const state = (blobs: readonly (readonly [key: string, digest: string, expiresAtMs: number])[], last = 7): State => [
  { last, blobs: new Map(blobs.map(([key, digest, expiresAtMs]) => [key, { digest, expiresAtMs }])) },
]

test('state is compared byte for byte, but for what may be dropped by now', () => {
  const expected = state([
    ['ann', 'x', 100],
    ['bob', 'y', 100],
  ])
  expect(
    differenceOf(
      state([
        ['ann', 'x', 100],
        ['bob', 'y', 100],
      ]),
      expected,
      50,
    ).different,
  ).toEqual([])
  expect(
    differenceOf(
      state([
        ['ann', 'z', 100],
        ['bob', 'y', 100],
      ]),
      expected,
      50,
    ).different,
  ).toEqual(['partition 0, "ann": other bytes'])
  expect(differenceOf(state([['bob', 'y', 100]]), expected, 50).different).toEqual(['partition 0, "ann": missing'])
  expect(differenceOf(state([['bob', 'y', 100]]), expected, 101).different).toEqual([])
  expect(
    differenceOf(
      state(
        [
          ['ann', 'x', 100],
          ['bob', 'y', 100],
        ],
        6,
      ),
      expected,
      50,
    ).different,
  ).toEqual(['partition 0 ends at 6 instead of 7'])
})
