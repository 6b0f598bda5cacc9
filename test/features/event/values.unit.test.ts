import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { compile } from '../../../src/features/plan/compile.js'
import type { Event } from '../../../src/features/feature.js'
import type { Value } from '../../../src/features/value.js'
import { kilometres } from '../../../src/features/event/geography.js'
import { codeOf, murmur3 } from '../../../src/base/hash.js'
import { evaluate } from '../../../src/features/event/values.js'
import { setOf } from '../../spec/features/histories.js'
import { inOneGo } from '../../spec/features/run.js'

/** The value from the plan and from the specification, which must agree. */
function valueOf(value: Value, event: Event): number {
  const set = setOf([{ name: 'it', feature: { kind: 'value', value, otherwise: Number.NaN } }])
  const [step] = inOneGo(compile(set), [{ tenant: 't', id: '1', at: 0, ...event }]).steps
  const specified = evaluate(value, (column) => event[column])
  assert.ok(Object.is(step!.vector[0], specified), `${step!.vector[0]} instead of ${specified}`)
  return specified
}

const at = Date.UTC(2024, 1, 29, 23, 59, 59, 999)

test('clocks read UTC, or local time with an offset in minutes; Monday is 0', () => {
  assert.equal(valueOf({ clock: 'weekday', column: 'seen' }, { seen: at }), 3)
  assert.equal(valueOf({ clock: 'hour', column: 'seen' }, { seen: at }), 23)
  assert.equal(valueOf({ clock: 'minute-of-day', column: 'seen' }, { seen: at }), 1439)
  assert.equal(valueOf({ clock: 'weekday', column: 'seen', offset: 'utc' }, { seen: at, utc: 1 }), 4)
  assert.equal(valueOf({ clock: 'minute-of-day', column: 'seen', offset: 'utc' }, { seen: at, utc: -30 }), 1409)
  assert.equal(valueOf({ clock: 'minute-of-day', column: 'seen' }, { seen: -1 }), 1439)
})

test('a missing or impossible offset is treated as UTC', () => {
  assert.equal(valueOf({ clock: 'hour', column: 'seen', offset: 'utc' }, { seen: at, utc: null }), 23)
  assert.equal(valueOf({ clock: 'hour', column: 'seen', offset: 'utc' }, { seen: at, utc: 100_000 }), 23)
})

test('a null or a text instead of a number makes the value absent; booleans are 0 and 1', () => {
  assert.ok(Number.isNaN(valueOf({ op: '+', left: { column: 'a' }, right: { constant: 1 } }, { a: null })))
  assert.ok(Number.isNaN(valueOf({ column: 'a' }, { a: '12' })))
  assert.equal(valueOf({ column: 'a' }, { a: true }), 1)
  assert.ok(Number.isNaN(valueOf({ op: '/', left: { column: 'a' }, right: { column: 'b' } }, { a: 1, b: 0 })))
})

test('length and digits measure texts, and numbers in decimal notation', () => {
  assert.equal(valueOf({ op: 'digits', of: { column: 'a' } }, { a: 'B 1234 XY' }), 4)
  assert.equal(valueOf({ op: 'length', of: { column: 'a' } }, { a: 'B 1234 XY' }), 9)
  assert.equal(
    valueOf({ op: 'digits', of: { op: '*', left: { column: 'n' }, right: { constant: 10 } } }, { n: 123 }),
    4,
  )
  assert.ok(Number.isNaN(valueOf({ op: 'length', of: { column: 'a' } }, { a: null })))
})

test('ranges are half-open, and a value can test whether a column is missing', () => {
  const weekend: Value = { within: { column: 'a' }, ranges: [[5, 7]] }
  assert.deepEqual(
    [4, 5, 6, 7].map((a) => valueOf(weekend, { a })),
    [0, 1, 1, 0],
  )
  assert.deepEqual(
    [null, undefined, 0].map((a) => valueOf({ missing: 'a' }, { a })),
    [1, 1, 0],
  )
})

test('distances are great-circle distances', () => {
  const [paris, london] = [
    [48.8566, 2.3522],
    [51.5074, -0.1278],
  ] as const
  assert.ok(Math.abs(kilometres(...paris, ...london) - 343.56) < 0.05)
  assert.ok(Math.abs(kilometres(0, 179.5, 0, -179.5) - 111.195) < 0.001)
  assert.ok(Math.abs(kilometres(90, 0, -90, 0) - Math.PI * 6371.0088) < 1e-6)
  assert.equal(valueOf({ km: ['a', 'b', 'c', 'd'] }, { a: 1, b: 2, c: 1, d: 2 }), 0)
})

test('the hash is MurmurHash3 of the little-endian code units', () => {
  assert.equal(murmur3('', 0), 0)
  assert.equal(murmur3('', 1) >>> 0, 0x514e28b7)
  assert.equal(murmur3('\u4321\u8765', 0) >>> 0, 0xf55b516b)
  assert.equal(murmur3('\u4321\u8765', 0x5082edee) >>> 0, 0x2362f9de)
  assert.equal(murmur3('\u4321', 0) >>> 0, 0xa0f7b07a)
})

test('different values have different codes, and an absent value has none', () => {
  const codes = ['a', 'b', '', 'ab', 1, 2.5, true, 0].map(codeOf)
  assert.deepEqual([...new Set(codes)].length, 7)
  assert.equal(codeOf(true), codeOf(1))
  assert.ok(codes.every((code) => Number.isFinite(code)))
  assert.ok([null, undefined, {}, Number.NaN].every((raw) => Number.isNaN(codeOf(raw))))
})
