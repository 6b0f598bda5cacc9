import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import type { Event } from '../../../src/features/feature.js'
import { eventCodec } from '../../../src/streams/codec/codec.js'
import type { Stream } from '../../../src/streams/stream.js'
import type { AvroField } from '../../../src/contracts/streams.js'
import { validateStream } from '../../../src/streams/language/validate.js'
import { doors } from '../../fixtures/doors.js'

const pass = { event_id: 'e1', tenant_id: 'acme', badge: 'b7', door: 'd1', at: 1_767_600_000_000, force: 12.5 }

/** The stream of the fixture with one more field. */
const streamWith = (field: object): Stream => ({
  ...doors,
  schema: { ...doors.schema, fields: [...doors.schema.fields, field as AvroField] },
})

const colour = { type: 'enum', name: 'Colour', symbols: ['red', 'green'] }

describe('a field of a supported type is the same in JSON and in Avro, with and without a header', () => {
  test.each<[string, object, readonly unknown[]]>([
    ['text', { type: 'string' }, ['', 'grün', '🚪']],
    [
      'text with a logical type',
      { type: { type: 'string', logicalType: 'uuid' } },
      ['6fa459ea-ee8a-3ca4-894e-db77e160355e'],
    ],
    ['boolean', { type: 'boolean' }, [true, false]],
    ['int', { type: 'int' }, [-(2 ** 31), 2 ** 31 - 1]],
    ['long', { type: 'long' }, [1 - 2 ** 52, 2 ** 52 - 1, -1]],
    ['float', { type: 'float' }, [0.5, -1024]],
    ['double', { type: 'double' }, [0.1, -1e300]],
    ['time', { type: { type: 'long', logicalType: 'timestamp-millis' } }, [1_767_600_000_000]],
    ['enum', { type: colour }, ['red', 'green']],
    ['enum or null', { type: ['null', colour], default: null }, [null, 'green']],
    ['enum or null, null last', { type: [colour, 'null'], default: 'red' }, ['red', null]],
    ['number or null', { type: ['null', 'double'], default: null }, [null, 1.5]],
    [
      'time or null',
      { type: ['null', { type: 'long', logicalType: 'timestamp-millis' }], default: null },
      [null, 1_767_600_000_000],
    ],
    ['a union of one', { type: ['string'] }, ['x']],
  ])('%s', (_, type, values) => {
    const stream = streamWith({ name: 'extra', ...type })
    assert.deepEqual(validateStream(stream), [])
    const codec = eventCodec(stream)
    const readers = codec.wireReaders(new Map([[7, { kind: 'avro', record: stream.schema }]]))
    for (const extra of values) {
      const event: Event = { ...pass, extra }
      assert.deepEqual(codec.read(JSON.parse(JSON.stringify(event))), event)
      assert.deepEqual(codec.decode(codec.encodeJson(event)), event)
      assert.deepEqual(codec.decode(codec.encodeAvro(event)), event)
      assert.deepEqual(codec.decode(codec.encodeWire(7, event), readers), event)
    }
  })
})

test('a whole number that Avro would change is refused in every format', () => {
  const codec = eventCodec(streamWith({ name: 'extra', type: 'long' }))
  for (const extra of [-(2 ** 52), -(2 ** 52) - 1, 2 ** 52, Number.MIN_SAFE_INTEGER + 1, Number.MAX_SAFE_INTEGER - 1])
    for (const read of [() => codec.read({ ...pass, extra }), () => codec.decode(codec.encodeAvro({ ...pass, extra }))])
      assert.throws(read, (error) => isEngineError(error, 'BAD_FIELD') && error.field === 'extra', String(extra))
})

describe('a field of an unsupported type is refused by name when the stream is defined', () => {
  test.each<[string, unknown]>([
    ['bytes', 'bytes'],
    ['a decimal', { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }],
    ['fixed', { type: 'fixed', name: 'Hash', size: 16 }],
    ['a record', { type: 'record', name: 'Place', fields: [{ name: 'lat', type: 'double' }] }],
    ['a list', { type: 'array', items: 'string' }],
    ['a map', { type: 'map', values: 'double' }],
    ['a union of two types', ['null', 'string', 'double']],
    ['a list or null', ['null', { type: 'array', items: 'string' }]],
    ['null', 'null'],
    ['a time in microseconds', { type: 'long', logicalType: 'timestamp-micros' }],
    ['a type that Avro does not have', 'text'],
  ])('%s', (_, type) => {
    const problems = validateStream(streamWith({ name: 'extra', type }))
    assert.ok(
      problems.some((problem) => problem.startsWith('schema field extra: type ')),
      problems.join('\n'),
    )
  })
})

describe('a default that the field does not accept is refused with the name of the field', () => {
  test.each<[string, object]>([
    ['of another type', { type: 'int', default: 'none' }],
    ['that is no symbol', { type: colour, default: 'blue' }],
    ['null where there is no null', { type: 'string', default: null }],
    ['of the second branch of a union', { type: ['null', 'string'], default: 'x' }],
    ['beyond the bounds', { type: 'double', minimum: 0, maximum: 1, default: 2 }],
    ['beyond the type', { type: 'int', default: 2 ** 40 }],
  ])('%s', (_, field) => {
    const problems = validateStream(streamWith({ name: 'extra', ...field }))
    assert.ok(
      problems.some((problem) => problem.startsWith('schema field extra: the default ')),
      `not named in: ${problems.join('\n')}`,
    )
  })

  test('a valid default replaces an absent field', () => {
    assert.equal(
      eventCodec(streamWith({ name: 'extra', type: 'double', minimum: 0, maximum: 1, default: 0.5 })).read(pass)[
        'extra'
      ],
      0.5,
    )
  })
})

test('a field that every object inherits is refused by name', () => {
  for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__']) {
    const problems = validateStream(streamWith({ name, type: ['null', 'string'], default: null }))
    assert.ok(problems.includes(`schema field ${name}: JavaScript reserves the name`), problems.join('\n'))
  }
})

test('an enum may be used again by its name, or the field is refused by name', () => {
  const stream: Stream = {
    ...doors,
    schema: {
      ...doors.schema,
      fields: [...doors.schema.fields, { name: 'first', type: colour }, { name: 'extra', type: 'Colour' }],
    },
  }
  const problems = validateStream(stream)
  if (problems.length > 0)
    return assert.ok(
      problems.some((problem) => problem.startsWith('schema field extra: ')),
      problems.join('\n'),
    )
  const codec = eventCodec(stream)
  const event = { ...pass, first: 'red', extra: 'green' }
  assert.deepEqual(codec.decode(codec.encodeAvro(event)), event)
  assert.throws(
    () => codec.read({ ...event, extra: 'blue' }),
    (error) => isEngineError(error, 'BAD_FIELD'),
  )
})
