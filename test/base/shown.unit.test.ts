import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { messageOf } from '../../src/base/errors.js'
import { shown } from '../../src/base/shown.js'

/** Nested lists, as a hostile producer writes them. */
const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

test('a small value is shown as JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
      const json = JSON.stringify(value)
      assert.equal(shown(value, 100), json.length > 100 ? `${json.slice(0, 100)}...` : json)
    }),
  )
  assert.deepEqual(
    [Number.NaN, 2n ** 70n, undefined, Symbol('x'), Buffer.alloc(9)].map((one) => shown(one)),
    ['NaN', '1180591620717411303424', 'undefined', 'symbol', '<9 bytes>'],
  )
})

test('a value of any depth and size is shown in few characters', () => {
  for (const value of [nested(1_000_000), 'x'.repeat(1e7), Array.from({ length: 1e6 }, () => 'y'), { a: nested(9e5) }])
    assert.ok(shown(value).length < 100)
  assert.equal(shown(nested(6)), '[[[[[...]]]]]')
})

test('no code of a value is called, and none can break the message', () => {
  const hostile = { toJSON: () => assert.fail('toJSON was called'), toString: () => assert.fail('toString was called') }
  assert.equal(shown(hostile), '{"toJSON":function,"toString":function}')
  const throwing = new Proxy({}, { ownKeys: () => assert.fail('no keys') })
  assert.equal(shown(throwing), 'a value of type object')
})

test('anything that was thrown has a message', () => {
  const odd = Object.defineProperty(new Error('x'), 'message', { get: () => assert.fail('read') })
  assert.deepEqual(
    [new Error('no'), 'text', Object.create(null), undefined, odd].map((error) => typeof messageOf(error)),
    Array.from({ length: 5 }, () => 'string'),
  )
  assert.equal(messageOf(new Error('no')), 'no')
})
