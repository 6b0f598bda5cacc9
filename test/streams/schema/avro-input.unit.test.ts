import assert from 'node:assert/strict'
import avro from 'avsc'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { AvroInput } from '../../../src/streams/schema/avro-input.js'
import { avroNode, typeText } from '../../../src/streams/schema/avro-node.js'

function reading<Value>(bytes: Buffer, read: (input: AvroInput) => Value): Value {
  const input = new AvroInput()
  input.open(bytes, 0)
  const value = read(input)
  input.end()
  return value
}

/** A zigzag varint, as Avro writes an int and a long. */
function varint(value: bigint): Buffer {
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(left)])
}
const text = (value: Buffer | string): Buffer =>
  Buffer.concat([varint(BigInt(Buffer.byteLength(value))), Buffer.from(value)])

const badAvro = (act: () => unknown, message: RegExp): void =>
  assert.throws(act, (error) => isEngineError(error, 'BAD_AVRO') && message.test(error.message))

describe('numbers', () => {
  test('of 64 bits are exact', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.nat(63), (any, shift) => {
        const value = any >> BigInt(shift)
        const read = reading(varint(value), (input) => input.long())
        assert.equal(BigInt(read), value)
      }),
    )
  })

  test('at the edges of their parts', () => {
    for (const bits of [7n, 13n, 14n, 20n, 27n, 28n, 31n, 32n, 52n, 53n, 55n, 56n, 62n])
      for (const off of [-2n, -1n, 0n, 1n])
        for (const sign of [1n, -1n]) {
          const value = sign * (2n ** bits + off)
          assert.equal(BigInt(reading(varint(value), (input) => input.long())), value)
        }
  })

  test('of smaller units are rounded down, as exact arithmetic says', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
        fc.constantFrom(1_000, 1_000_000),
        (value, units) => {
          const divisor = BigInt(units)
          const floor = value / divisor - (value % divisor < 0n ? 1n : 0n)
          assert.equal(
            reading(varint(value), (input) => input.longIn(units)),
            Number(floor),
          )
        },
      ),
    )
  })

  test('that are too long for their type are refused', () => {
    badAvro(() => reading(varint(2n ** 31n), (input) => input.int()), /32 bits/)
    badAvro(() => reading(Buffer.alloc(12, 0xff), (input) => input.long()), /64 bits/)
    badAvro(() => reading(Buffer.from([2]), (input) => input.boolean()), /0 or 1, not 2/)
    badAvro(() => reading(varint(3n), (input) => input.index(3, 'symbol')), /no symbol 3 among 3/)
    badAvro(() => reading(varint(-1n), (input) => input.index(3, 'branch')), /no branch -1/)
  })
})

describe('text', () => {
  test('is what was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) =>
        assert.equal(
          reading(text(value), (input) => input.text('x')),
          value,
        ),
      ),
    )
    assert.equal(
      reading(text('\ufffd'), (input) => input.text('x')),
      '\ufffd',
    )
  })

  test('that is not UTF-8 is refused with field, position and cause', () => {
    badAvro(
      () => reading(text(Buffer.from('Müller', 'latin1')), (input) => input.text('card_id')),
      /field 'card_id' is not UTF-8: byte 0xfc at position 1 .*Latin-1/,
    )
    for (const bytes of [
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98],
      [0xc0, 0x80],
    ])
      badAvro(() => reading(text(Buffer.from(bytes)), (input) => input.text('x')), /not UTF-8/)
  })
})

describe('bytes that were made to hurt are refused or passed at once:', () => {
  const skipping = (schema: unknown, bytes: Buffer) => (): void =>
    reading(bytes, (input) => input.skip(avroNode(schema)))
  const list = { type: 'array', items: 'null' }
  const tree = { type: 'record', name: 'Tree', fields: [{ name: 'next', type: ['null', 'Tree'] }] }

  test('2^60 items without bytes', skipping(list, Buffer.concat([varint(2n ** 60n), varint(0n)])))
  test('2^60 items that are not there', () =>
    badAvro(skipping({ type: 'array', items: 'int' }, Buffer.concat([varint(2n ** 60n), varint(1n)])), /cut off/))
  test('200,000 levels', () => badAvro(skipping(tree, Buffer.alloc(200_000, 2)), /nested deeper than 500/))
  test('a length of 2^62, or less than nothing', () => {
    badAvro(skipping('bytes', varint(2n ** 62n)), /cut off/)
    badAvro(skipping('bytes', varint(-5n)), /length of -5/)
  })
  test('a decimal of 1,000 bytes', () =>
    badAvro(() => reading(text(Buffer.alloc(1_000, 1)), (input) => input.decimal(2)), /decimal of 1000 bytes/))
  test('a schema of 100,000 levels', () => {
    let schema: unknown = 'int'
    for (let i = 0; i < 100_000; i++) schema = { type: 'array', items: schema }
    assert.throws(() => avroNode(schema), /nested deeper than 200/)
  })
})

test('what another library writes is passed to its last byte, whatever the type', () => {
  const types: readonly unknown[] = [
    'null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string',
    { type: 'fixed', name: 'F', size: 3 },
    { type: 'enum', name: 'E', symbols: ['a', 'b'] },
    { type: 'array', items: ['null', 'string'] },
    { type: 'map', values: { type: 'array', items: 'long' } },
    { type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }, { name: 'b', type: ['null', 'R'] }] },
  ] // prettier-ignore
  for (const schema of types) {
    const type = avro.Type.forSchema(schema as avro.Schema)
    for (let i = 0; i < 30; i++) reading(type.toBuffer(type.random()), (input) => input.skip(avroNode(schema)))
  }
})

test.each<[unknown, RegExp]>([
  ['Unknown', /type Unknown is not defined/],
  [{ type: 'record', name: 'R', fields: 7 }, /has no list of fields/],
  [{ type: 'record', name: 'R', fields: [{ type: 'int' }] }, /a field of R has no name/],
  [{ type: 'enum', name: 'E' }, /no list of symbols/],
  [{ type: 'fixed', name: 'F', size: -1 }, /no size/],
  [{ type: 'record', fields: [] }, /has no name/],
  [['int', 7], /must be a name, a list or an object/],
  [
    [
      { type: 'fixed', name: 'F', size: 1 },
      { type: 'fixed', name: 'F', size: 2 },
    ],
    /F is defined twice/,
  ],
])('an invalid schema is refused with its mistake: %j', (schema, message) =>
  assert.throws(() => avroNode(schema), message),
)

test('names are found in their namespace, and types are named for messages', () => {
  const schema = {
    type: 'record', name: 'a.b.Pass', fields: [
      { name: 'x', type: { type: 'enum', name: 'Kind', symbols: ['p'] } },
      { name: 'y', type: ['null', 'Kind', { type: 'long', logicalType: 'timestamp-micros' }] },
      { name: 'z', type: { type: 'map', values: 'a.b.Pass' } },
    ],
  } // prettier-ignore
  const node = avroNode(schema)
  assert.ok(node.kind === 'record')
  assert.deepEqual(
    node.fields.map(({ of }) => typeText(of)),
    ['enum a.b.Kind', '["null", enum a.b.Kind, "long" (timestamp-micros)]', 'map of record a.b.Pass'],
  )
})
