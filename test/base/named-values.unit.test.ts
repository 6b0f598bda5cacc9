import assert from 'node:assert/strict'
import { test } from 'vitest'
import { namedValues, refuseUnknown, unknownFeature } from '../../src/base/named-values.js'

const names = ['denied_10m', 'doors_10m', 'constructor']
const opened = () => namedValues(names, refuseUnknown('doors', names))

test('the values of a vector have the names of the features, and are replaced by those of the next one', () => {
  const values = opened()
  values.fill([9, 1, 2, 3], 1)
  assert.deepEqual({ ...values.x }, { denied_10m: 1, doors_10m: 2, constructor: 3 })
  values.fill([4, 5, Number.NaN], 0)
  assert.deepEqual([values.x['denied_10m'], values.x['constructor']], [4, Number.NaN])
  assert.deepEqual(Object.keys(values.x), names)
})

test('a name that no feature has is refused wherever it is read or written, and never undefined', () => {
  const { x } = opened()
  const read: Readonly<Record<string, () => unknown>> = {
    property: () => x['denied_10'],
    destructured: () => {
      const { denied_10: one } = x
      return one
    },
    written: () => ((x as Record<string, number>)['denied_10'] = 1),
  }
  for (const [how, attempt] of Object.entries(read))
    assert.throws(attempt, /stream 'doors': heuristic: reads 'denied_10'.*did you mean 'denied_10m'\?/, how)
  assert.equal(x['denied_10m'], 0)
})

test('what every object has is there, and asking whether a name exists is allowed', () => {
  const { x } = opened()
  assert.equal('denied_10' in x, false)
  assert.equal(Object.hasOwn(x, 'denied_10m'), true)
  assert.equal(typeof (x as Readonly<Record<string, unknown>>)['toString'], 'function')
})

test('the names are listed where none is near', () => {
  assert.match(unknownFeature('temperature', names), /reads 'temperature'.*there are denied_10m, doors_10m/)
})
