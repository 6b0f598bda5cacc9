import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import type { Event } from '../../../src/features/feature.js'
import { limits } from '../../../src/base/limits.js'
import { checkEvent, eventCodec } from '../../../src/streams/codec/codec.js'
import { builtinStreams } from '../../../src/streams/built-in/index.js'
import { isoTimeMs } from '../../../src/streams/codec/iso-time.js'
import { columnsOf, type ColumnInfo } from '../../../src/streams/schema/schema.js'
import type { Stream } from '../../../src/streams/stream.js'
import { refused } from '../language/refused.js'
import { attendance, checkIn, codec, json, without } from './check-in.js'

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
  test('is the same from JSON, Avro and parsed JSON', () => {
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

  test('and arbitrary bytes either decode or become a dead letter', () => {
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
  test('may omit fields with a default, and may have more fields than the schema', () => {
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
  ])('with a wrong %s (%j) is refused with the name of the field', (field, value, message) => {
    refused(
      () => codec.decode(json({ ...checkIn, [field]: value })),
      'BAD_FIELD',
      new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')),
      field,
    )
  })

  test('without a required field is refused with the name of the field', () =>
    refused(
      () => codec.decode(json(without('kind'))),
      'BAD_FIELD',
      /field 'kind' is missing; expected one of "in", "out"/,
      'kind',
    ))

  test('that is malformed, not an object or not UTF-8 is refused', () => {
    refused(() => codec.decode(Buffer.from('{"event_id":')), 'BAD_JSON', /./)
    refused(() => codec.decode(Buffer.from(' [1]')), 'BAD_JSON', /must be a JSON object/)
    refused(() => codec.decode(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), 'BAD_JSON', /UTF-8/)
    refused(() => codec.decode(Buffer.alloc(0)), 'BAD_JSON', /empty/)
    refused(() => codec.decode(Buffer.from('hello')), 'BAD_JSON', /starts with '\{'.*not with 0x68/)
  })
})

describe('the time of an event', () => {
  const recordMs = Date.UTC(2025, 0, 6)
  const at = (occurred_at: number) => () => checkEvent(attendance, { ...checkIn, occurred_at }, recordMs)

  test('may be ahead of its record by the tolerated clock error, and of any age since 2000', () => {
    at(recordMs + limits.futureMs)()
    at(Date.UTC(2000, 0, 1))()
  })

  test('is refused outside these bounds', () => {
    refused(
      at(recordMs + limits.futureMs + 1),
      'TIME_OUT_OF_RANGE',
      /field 'occurred_at' is 3600 s after the record's own time/,
      'occurred_at',
    )
    refused(at(Date.UTC(2000, 0, 1) - 1), 'TIME_OUT_OF_RANGE', /field 'occurred_at' is before 2000/, 'occurred_at')
  })

  test('is compared with the time that its record means, in whatever unit the producer wrote it', () => {
    const within = (occurred_at: number, timestamp: number) => () =>
      checkEvent(attendance, { ...checkIn, occurred_at }, timestamp)
    for (const timestamp of [recordMs, recordMs / 1_000, recordMs * 1_000, recordMs * 1_000_000]) {
      within(recordMs + limits.futureMs, timestamp)()
      refused(within(recordMs + 2 * limits.futureMs, timestamp), 'TIME_OUT_OF_RANGE', /the record's own/, 'occurred_at')
    }
    for (const timestamp of [-1, 0, 1, -recordMs, Number.MAX_SAFE_INTEGER]) {
      within(recordMs, timestamp)()
      refused(within(recordMs * 1_000, timestamp), 'TIME_OUT_OF_RANGE', /is after 2099/, 'occurred_at')
    }
  })
})

test('the record key is the value of the key column', () => {
  assert.equal(codec.keyOf(checkIn).toString(), 'acme')
})
