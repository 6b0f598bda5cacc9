import assert from 'node:assert/strict'
import avro from 'avsc'
import { describe, test } from 'vitest'
import { eventCodec } from '../../../src/streams/codec/codec.js'
import { crc64, fingerprintOf } from '../../../src/streams/schema/avro.js'
import { refused } from '../language/refused.js'
import { attendance, checkIn, codec } from './check-in.js'

describe('Avro', () => {
  test('begins with C3 01 and the CRC-64-AVRO of the schema', () => {
    assert.equal(crc64('"null"'), 0x63dd24e7cc258f8an)
    assert.equal(crc64('"int"'), 0x7275d51a3f395c8fn)
    assert.equal(
      codec.encodeAvro(checkIn).toString('hex', 0, 10),
      `c301${fingerprintOf(avro.Type.forSchema(attendance.schema as unknown as avro.Schema))}`,
    )
  })

  test('has the fingerprint of the parsing canonical form, without documentation and bounds', () => {
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

  test('has the same bounds as JSON', () => {
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

  test('is not written from an event that does not fit the schema', () => {
    refused(
      () => codec.encodeAvro({ ...checkIn, kind: 'inside' }),
      'BAD_FIELD',
      /field 'kind' does not fit the schema: found "inside"/,
      'kind',
    )
  })

  test('can encode events that are larger than the initial buffer', () => {
    const event = { ...checkIn, person_id: 'x'.repeat(250) }
    const big = eventCodec({ ...attendance, entities: {} })
    const wide = { ...event, site_id: 'y'.repeat(100_000) }
    assert.equal(big.decode(big.encodeAvro(wide)).site_id, wide.site_id)
    assert.deepEqual(big.decode(big.encodeAvro(event)), event)
  })
})
