import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import type { Duration } from '../../../src/features/feature.js'
import { durationMs, durationText } from '../../../src/streams/language/duration.js'
import { anyOf, ramp, when } from '../../../src/streams/language/evidence.js'

describe('durations', () => {
  test.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['4w', 2_419_200_000],
  ] as const)('%s is %d ms', (text, ms) => assert.equal(durationMs(text), ms))

  test('are checked at run time for texts that the type allows', () => {
    for (const text of ['-1h', '1e3h', ' 1h', '1h ', 'h', '1 h', '1x'] as unknown as readonly Duration[])
      assert.ok(Number.isNaN(durationMs(text)), text)
  })

  test('are the same after conversion to text and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (seconds) =>
        assert.equal(durationMs(durationText(seconds * 1000) as Duration), seconds * 1000),
      ),
    )
    assert.equal(durationText(3_600_000), '1h')
    assert.equal(durationText(1), '1ms')
  })
})

describe('evidence', () => {
  test('changes linearly along a ramp in either direction, and stays within 0..1', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 9].map((x) => ramp(x, 2, 4)),
      [0, 0, 0.5, 1, 1],
    )
    assert.deepEqual(
      [0.9, 0.5, 0.1].map((x) => ramp(x, 0.75, 0.25)),
      [0, 0.5, 1],
    )
  })

  test('is 0 for a missing feature', () => {
    assert.equal(ramp(Number.NaN, 2, 4), 0)
    assert.equal(anyOf(0.5, ramp(Number.NaN, 0, 1)), 0.5)
  })

  test('is a probability when its condition holds', () =>
    assert.deepEqual([when(true, 0.9), when(false, 0.9)], [0.9, 0]))

  test('is combined like independent causes', () => {
    assert.equal(anyOf(), 0)
    assert.equal(anyOf(0.5, 0.5), 0.75)
    assert.equal(anyOf(0.2, 1), 1)
  })
})
