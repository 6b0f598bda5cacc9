import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { exp2 } from '../../src/base/exp2.js'

describe('exp2', () => {
  test('gives the same bits on every version of Node', () => {
    const results = new Float64Array(200_000)
    // Additions and a remainder alone: the arguments are the same everywhere.
    for (let i = 0, x = 0.1234567; i < results.length; i++, x = (x + 7.7654321) % 100)
      results[i] = exp2(i % 2 === 0 ? -x : x / 50 - 1)
    const digest = createHash('sha256').update(new Uint8Array(results.buffer)).digest('hex')
    assert.equal(digest, 'fbc1675d7337a3ab6fdd747f821dbf6ceda7bf44637ecfc5307ceb8bac07dc33')
  })

  test('is exact for whole numbers, down to the smallest double', () => {
    for (let n = -1_074, wanted = Number.MIN_VALUE; n < 1_024; n++, wanted *= 2) assert.equal(exp2(n), wanted)
  })

  test('ends in 0, in infinity, and in NaN where it is asked for one', () => {
    assert.deepEqual([-Infinity, -2_000, -1_076, 0, -0, 1_024, Infinity, NaN].map(exp2), [
      0,
      0,
      0,
      1,
      1,
      Infinity,
      Infinity,
      NaN,
    ])
  })

  test('differs from 2 ** x by one unit in the last place at most', () =>
    fc.assert(
      fc.property(fc.double({ min: -1_020, max: 1_020, noNaN: true }), (x) => {
        const [found, native] = [exp2(x), 2 ** x]
        assert.ok(Math.abs(found - native) <= 2 ** (Math.floor(Math.log2(native)) - 52), `${found}, ${native}`)
      }),
    ))
})
