import { strict as assert } from 'node:assert'
import fc from 'fast-check'
import { test } from 'vitest'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import type { Event } from '../../../src/features/feature.js'
import { canBeMissing } from '../../../src/features/plan/missing.js'
import type { Value } from '../../../src/features/value.js'
import { builtinStreams } from '../../../src/streams/built-in/index.js'
import { columnsOf, type ColumnInfo } from '../../../src/streams/schema/schema.js'
import { inOneGo } from '../../spec/features/run.js'
import { setOf } from '../../spec/features/histories.js'

const nothing = Number.NaN
const only = (value: Value, otherwise = nothing) => setOf([{ name: 'x', feature: { kind: 'value', value, otherwise } }])
const numbers = ['there', 'also']
const present = { number: (column: string) => numbers.includes(column), text: (column: string) => column === 'word' }
const missable = (value: Value, otherwise?: number) => canBeMissing(only(value, otherwise), present)[0]

test('a value of columns that every event has is never missing', () => {
  for (const value of [
    { column: 'there' },
    { clock: 'hour', column: 'there' },
    { between: ['there', 'also'], unitMs: 1 },
    { op: '-', left: { column: 'there' }, right: { constant: 1 } },
    { op: 'abs', of: { column: 'there' } },
    { op: 'length', of: { column: 'word' } },
    { missing: 'gone' },
    { within: { column: 'there' }, ranges: [[0, 1]] },
  ] satisfies Value[])
    assert.equal(missable(value), false, JSON.stringify(value))
})

test('a value of a nullable column, a quotient and a logarithm can be missing without an otherwise', () => {
  for (const value of [
    { column: 'gone' },
    { between: ['there', 'gone'], unitMs: 1 },
    { op: '/', left: { column: 'there' }, right: { column: 'also' } },
    { op: 'log1p', of: { column: 'there' } },
    { op: 'length', of: { column: 'gone' } },
    { km: ['there', 'also', 'there', 'gone'] },
  ] satisfies Value[]) {
    assert.equal(missable(value), true, JSON.stringify(value))
    assert.equal(missable(value, 0), false)
  }
})

test('a difference can be missing where one of its features can', () => {
  const of = (otherwise: number) =>
    canBeMissing(
      setOf([
        { name: 'left', feature: { kind: 'value', value: { column: 'gone' }, otherwise } },
        { name: 'right', feature: { kind: 'value', value: { column: 'there' }, otherwise: nothing } },
        { name: 'both', feature: { kind: 'difference', left: 'left', right: 'right' } },
      ]),
      present,
    )
  assert.deepEqual(of(nothing), [true, false, true])
  assert.deepEqual(of(0), [false, false, false])
})

const valueOf = (column: ColumnInfo): fc.Arbitrary<unknown> => {
  const some: fc.Arbitrary<unknown> =
    column.kind === 'text'
      ? fc.constantFrom('a', 'b', 'c')
      : column.kind === 'enum'
        ? fc.constantFrom(...column.symbols)
        : column.kind === 'boolean'
          ? fc.boolean()
          : column.kind === 'time'
            ? fc.integer({ min: 1_767_600_000_000, max: 1_768_600_000_000 })
            : fc.integer({ min: Math.max(column.minimum, -50), max: Math.min(column.maximum, 50) })
  return column.nullable ? fc.option(some, { nil: null }) : some
}

test('no vector of random events misses a feature that cannot be missing, in every built-in stream', () => {
  for (const stream of builtinStreams) {
    const compiled = compileStream(stream)
    const columns = columnsOf(stream.schema)
    const event = fc.record(Object.fromEntries(columns.map((column) => [column.name, valueOf(column)])))
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
        const log = events.map((one, i): Event => ({ ...one, [stream.id]: `e${i}` }))
        for (const { vector } of inOneGo(compiled.plan, log).steps)
          vector.forEach((value, at) => {
            if (!compiled.canBeMissing[at])
              assert.ok(!Number.isNaN(value), `${stream.name}: ${compiled.plan.names[at]!} is missing`)
          })
      }),
      { numRuns: 60 },
    )
    assert.ok(compiled.canBeMissing.includes(true) && compiled.canBeMissing.includes(false), stream.name)
  }
})
