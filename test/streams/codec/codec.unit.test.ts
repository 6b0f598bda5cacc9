import assert from 'node:assert/strict'
import avro from 'avsc'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import type { Event } from '../../../src/features/feature.js'
import { limits } from '../../../src/base/limits.js'
import { crc64, fingerprintOf } from '../../../src/streams/schema/avro.js'
import { checkEvent, eventCodec } from '../../../src/streams/codec/codec.js'
import { builtinStreams } from '../../../src/streams/built-in/index.js'
import { isoTimeMs } from '../../../src/streams/codec/reader.js'
import { columnsOf, type ColumnInfo } from '../../../src/streams/schema/schema.js'
import type { Stream } from '../../../src/streams/stream.js'
import { refused } from '../language/refused.js'

const attendance = builtinStreams[0]!
const codec = eventCodec(attendance)
const checkIn = {
  event_id: 'e1',
  tenant_id: 'acme',
  person_id: 'ann',
  device_id: 'p1',
  site_id: 's1',
  occurred_at: 1_736_121_575_526,
  utc_offset_min: 420,
  kind: 'in',
  method: 'gps',
  lat: -6.32461,
  lon: 109.839298,
  accuracy_m: 51,
  site_lat: null,
  site_lon: null,
  geofence_m: null,
  battery: 0.99,
}
const json = (fields: object): Buffer => Buffer.from(JSON.stringify(fields))
const without = (name: string): object => Object.fromEntries(Object.entries(checkIn).filter(([key]) => key !== name))

function values(column: ColumnInfo): fc.Arbitrary<unknown> {
  const whole = fc.integer({ min: Math.max(column.minimum, -(2 ** 31)), max: Math.min(column.maximum, 2 ** 31 - 1) })
  const kinds: Readonly<Record<ColumnInfo['kind'], () => fc.Arbitrary<unknown>>> = {
    text: () =>
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text)),
    enum: () => fc.constantFrom(...column.symbols),
    boolean: () => fc.boolean(),
    integer: () => whole,
    time: () => fc.integer({ min: 946_684_800_000, max: 4_102_444_800_000 }),
    number: () =>
      fc
        .double({ min: column.minimum, max: column.maximum, noNaN: true, noDefaultInfinity: true })
        .map((number) => number + 0),
  }
  return column.nullable ? fc.option(kinds[column.kind]()) : kinds[column.kind]()
}
const eventsOf = (stream: Stream): fc.Arbitrary<Event> =>
  fc.record(Object.fromEntries(columnsOf(stream.schema).map((column) => [column.name, values(column)])))

describe.each(builtinStreams.map((stream) => ({ name: stream.name, stream })))('an event of $name', ({ stream }) => {
  test('is the same whether it came as JSON, as Avro or as parsed JSON', () => {
    const codec = eventCodec(stream)
    fc.assert(
      fc.property(eventsOf(stream), (written) => {
        const event = { ...written }
        assert.deepStrictEqual(codec.decode(codec.encodeJson(event)), event)
        assert.deepStrictEqual(codec.decode(codec.encodeAvro(event)), event)
        assert.deepStrictEqual(codec.read(JSON.parse(JSON.stringify(event))), event)
      }),
    )
  })

  test('or any bytes either decode or are refused as a dead letter', () => {
    const codec = eventCodec(stream)
    const damaged = fc.tuple(eventsOf(stream), fc.nat(), fc.nat(255)).map(([event, at, byte]) => {
      const bytes = codec.encodeAvro(event)
      bytes[at % bytes.length] = byte
      return bytes
    })
    const bytes = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array))
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          bytes,
          bytes.map((tail) => Buffer.concat([Buffer.from('{'), tail])),
        ),
        (value) => {
          try {
            codec.decode(value)
          } catch (error) {
            assert.ok(isEngineError(error) && error.disposition === 'dead-letter', String(error))
          }
        },
      ),
    )
  })
})

describe('JSON', () => {
  test('may leave out what has a default, and may hold more than the schema', () => {
    const fields = { ...without('utc_offset_min'), extra: { deep: [1] } } as Record<string, unknown>
    delete fields.lat
    assert.deepEqual(codec.decode(json(fields)), { ...checkIn, utc_offset_min: 0, lat: null })
  })

  test('may start with white space', () =>
    assert.deepEqual(codec.decode(Buffer.from(`\n ${JSON.stringify(checkIn)}`)), checkIn))

  test('may give times in ISO 8601 with a zone', () => {
    assert.equal(
      codec.decode(json({ ...checkIn, occurred_at: '2025-01-06T07:00:00.250+07:00' })).occurred_at,
      Date.UTC(2025, 0, 6, 0, 0, 0, 250),
    )
    assert.equal(isoTimeMs('2025-01-06T00:00Z'), Date.UTC(2025, 0, 6))
    assert.equal(isoTimeMs('2024-02-29T00:00:00Z'), Date.UTC(2024, 1, 29))
    for (const wrong of [
      '2025-01-06T00:00:00',
      '2025-01-06',
      '2025-02-30T00:00:00Z',
      '2025-13-01T00:00:00Z',
      'yesterday',
      '1736121575526',
    ])
      assert.equal(isoTimeMs(wrong), undefined, wrong)
  })

  test.each([
    ['lat', 91, "field 'lat' found 91; expected a number from -90 to 90 or null"],
    ['lat', '1.5', `field 'lat' found "1.5"; expected a number`],
    ['battery', -0.1, "field 'battery' found -0.1; expected a number from 0 to 1"],
    ['utc_offset_min', 1.5, "field 'utc_offset_min' found 1.5; expected a whole number from -900 to 900"],
    [
      'occurred_at',
      'noon',
      `field 'occurred_at' found "noon"; expected a time: epoch milliseconds, or ISO 8601 with a zone`,
    ],
    ['occurred_at', 1e17, "field 'occurred_at' found 100000000000000000; expected a time"],
    ['occurred_at', null, "field 'occurred_at' found null; expected a time"],
    ['method', 'typed', `field 'method' found "typed"; expected one of "gps", "nfc", "face", "manual"`],
    ['method', 0, "field 'method' found 0; expected one of"],
    ['person_id', '', `field 'person_id' found ""; expected an id: 1 to 256 characters`],
    ['person_id', 7, "field 'person_id' found 7; expected an id"],
    ['person_id', 'a\u0001b', 'expected an id: 1 to 256 characters, no control characters'],
    ['person_id', '\ud800', 'expected an id'],
    ['device_id', 'x'.repeat(257), 'expected an id: 1 to 256 characters, no control characters or null'],
    ['site_id', { a: 1 }, `field 'site_id' found {"a":1}; expected an id`],
  ])('with a wrong %s (%j) is refused by name', (field, value, message) => {
    refused(
      () => codec.decode(json({ ...checkIn, [field]: value })),
      'BAD_FIELD',
      new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')),
      field,
    )
  })

  test('without a field that has no default is refused by its name', () =>
    refused(
      () => codec.decode(json(without('kind'))),
      'BAD_FIELD',
      /field 'kind' is missing; expected one of "in", "out"/,
      'kind',
    ))

  test('that is malformed, no object or no UTF-8 is refused', () => {
    refused(() => codec.decode(Buffer.from('{"event_id":')), 'BAD_JSON', /./)
    refused(() => codec.decode(Buffer.from(' [1]')), 'BAD_JSON', /must be a JSON object/)
    refused(() => codec.decode(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 'BAD_JSON', /UTF-8/)
    refused(() => codec.decode(Buffer.alloc(0)), 'BAD_JSON', /empty/)
    refused(() => codec.decode(Buffer.from('hello')), 'BAD_JSON', /starts with '\{'.*not with 0x68/)
  })
})

describe('Avro', () => {
  test('is announced by C3 01 and the CRC-64-AVRO of the schema', () => {
    assert.equal(crc64('"null"'), 0x63dd24e7cc258f8an)
    assert.equal(crc64('"int"'), 0x7275d51a3f395c8fn)
    assert.equal(
      codec.encodeAvro(checkIn).toString('hex', 0, 10),
      `c301${fingerprintOf(avro.Type.forSchema(attendance.schema as unknown as avro.Schema))}`,
    )
  })

  test('has the fingerprint of its parsing canonical form: documentation and bounds do not count', () => {
    const bare = {
      ...attendance.schema,
      doc: 'other',
      fields: attendance.schema.fields.map(({ name, type }) => ({ name, type })),
    }
    assert.deepEqual(codec.decode(eventCodec({ ...attendance, schema: bare }).encodeAvro(checkIn)), checkIn)
  })

  test('of an earlier version becomes an event of the current one', () => {
    const older = {
      ...attendance.schema,
      fields: attendance.schema.fields.filter(({ name }) => name !== 'battery' && name !== 'utc_offset_min'),
    }
    const written = eventCodec({ ...attendance, schema: older }).encodeAvro(checkIn)
    refused(() => codec.decode(written), 'UNKNOWN_SCHEMA', /no schema of this stream has the fingerprint [0-9a-f]{16}/)
    const event = eventCodec({ ...attendance, olderSchemas: [older] }).decode(written)
    assert.deepEqual(event, { ...checkIn, battery: null, utc_offset_min: 0 })
    assert.deepEqual(Object.keys(event), Object.keys(checkIn))
  })

  test('without its header is read as the stream’s own schema', () =>
    assert.deepEqual(codec.decodeDatum(codec.encodeAvro(checkIn).subarray(10)), checkIn))

  test('that is cut off, too long or in the wire format of a registry is refused', () => {
    const bytes = codec.encodeAvro(checkIn)
    refused(() => codec.decode(bytes.subarray(0, bytes.length - 1)), 'BAD_AVRO', /cut off/)
    refused(() => codec.decode(Buffer.concat([bytes, Buffer.from([0])])), 'BAD_AVRO', /1 bytes follow/)
    refused(() => codec.decode(bytes.subarray(0, 5)), 'BAD_AVRO', /8 bytes of fingerprint/)
    refused(() => codec.decode(Buffer.from([0, 0, 0, 0, 1, 2])), 'UNKNOWN_SCHEMA', /registry/)
  })

  test('is held to the same bounds as JSON', () => {
    refused(() => codec.decode(codec.encodeAvro({ ...checkIn, lat: 91 })), 'BAD_FIELD', /field 'lat' found 91/, 'lat')
    refused(
      () => codec.decode(codec.encodeAvro({ ...checkIn, battery: Number.NaN })),
      'BAD_FIELD',
      /field 'battery' found NaN/,
      'battery',
    )
    refused(
      () => codec.decode(codec.encodeAvro({ ...checkIn, tenant_id: '' })),
      'BAD_FIELD',
      /field 'tenant_id' found ""/,
      'tenant_id',
    )
  })

  test('is not written of what does not fit', () => {
    refused(
      () => codec.encodeAvro({ ...checkIn, kind: 'inside' }),
      'BAD_FIELD',
      /field 'kind' does not fit the schema: found "inside"/,
      'kind',
    )
  })

  test('holds events larger than the buffer that they are written into', () => {
    const event = { ...checkIn, person_id: 'x'.repeat(250) }
    const big = eventCodec({ ...attendance, entities: {} })
    const wide = { ...event, site_id: 'y'.repeat(100_000) }
    assert.equal(big.decode(big.encodeAvro(wide)).site_id, wide.site_id)
    assert.deepEqual(big.decode(big.encodeAvro(event)), event)
  })
})

describe('the time of an event', () => {
  const recordMs = Date.UTC(2025, 0, 6)
  const at = (occurred_at: number) => () => checkEvent(attendance, { ...checkIn, occurred_at }, recordMs)

  test('may be as far ahead of its record as clocks are off, and as old as it likes', () => {
    at(recordMs + limits.futureMs)()
    at(Date.UTC(2000, 0, 1))()
  })

  test('is refused beyond', () => {
    refused(
      at(recordMs + limits.futureMs + 1),
      'TIME_OUT_OF_RANGE',
      /field 'occurred_at' is 3600 s after the record's own time/,
      'occurred_at',
    )
    refused(at(Date.UTC(2000, 0, 1) - 1), 'TIME_OUT_OF_RANGE', /field 'occurred_at' is before 2000/, 'occurred_at')
  })
})

test('the record key is the value of the key column', () => {
  assert.equal(codec.keyOf(checkIn).toString(), 'acme')
})
