import assert from 'node:assert/strict'
import avro from 'avsc'
import { describe, test } from 'vitest'
import type { Event } from '../../../src/features/feature.js'
import { eventCodec } from '../../../src/streams/codec/codec.js'
import type { WriterSchema } from '../../../src/streams/codec/schema-source.js'
import type { AvroField, AvroRecord } from '../../../src/contracts/streams.js'
import { schemaIds, wireHeader } from '../../../src/streams/codec/wire.js'
import { doors } from '../../fixtures/doors.js'
import { refused } from '../language/refused.js'

const codec = eventCodec(doors)
const pass = { event_id: 'e1', tenant_id: 'acme', badge: 'b7', door: 'd1', at: 1_767_600_000_000, force: 12.5 }

/** The schema of a producer: the stream's own with other fields. */
const schemaWith = (
  change: (fields: readonly AvroField[]) => readonly AvroField[],
  names: Partial<AvroRecord> = {},
): AvroRecord => ({ ...doors.schema, ...names, fields: change(doors.schema.fields) })
const without = (name: string) => schemaWith((fields) => fields.filter((field) => field.name !== name))
const withType = (name: string, type: unknown) =>
  schemaWith((fields) => fields.map((field) => (field.name === name ? { name, type } : field)))

/** A record of a producer with this schema. */
const written = (id: number, record: AvroRecord, event: object): Buffer =>
  Buffer.concat([wireHeader(id), avro.Type.forSchema(record as unknown as avro.Schema).toBuffer(event)])
const knowing = (schemas: Readonly<Record<number, WriterSchema>>) =>
  codec.wireReaders(new Map(Object.entries(schemas).map(([id, schema]) => [Number(id), schema])))
const avroSchema = (record: AvroRecord): WriterSchema => ({ kind: 'avro', record })

describe('a record in the wire format', () => {
  test('is 0, the id of its schema in four bytes, and the datum', () => {
    const bytes = codec.encodeWire(0x01020304, pass)
    assert.deepEqual([...bytes.subarray(0, 5)], [0, 1, 2, 3, 4])
    assert.deepEqual(codec.decodeDatum(bytes.subarray(5)), pass)
    assert.deepEqual(codec.decode(bytes, knowing({ 0x01020304: avroSchema(doors.schema) })), pass)
  })

  test('contains the id of the schema that is needed to read it', () => {
    const values = [
      codec.encodeWire(7, pass),
      codec.encodeJson(pass),
      null,
      Buffer.alloc(0),
      Buffer.from([0, 0, 0, 0]),
      codec.encodeAvro(pass),
      codec.encodeWire(4_000_000_000, pass),
      codec.encodeWire(7, pass),
    ]
    assert.deepEqual([...schemaIds(values)], [7, 4_000_000_000])
  })

  test('whose header or datum is cut off is refused', () => {
    const readers = knowing({ 7: avroSchema(doors.schema) })
    refused(() => codec.decode(Buffer.from([0, 0, 0, 7]), readers), 'BAD_AVRO', /4 bytes of schema id/)
    refused(() => codec.decode(codec.encodeWire(7, pass).subarray(0, 20), readers), 'BAD_AVRO', /cut off/)
    refused(
      () => codec.decode(Buffer.concat([codec.encodeWire(7, pass), Buffer.from([1])]), readers),
      'BAD_AVRO',
      /1 bytes follow/,
    )
  })

  test("must respect the stream's bounds, whichever producer wrote it", () => {
    refused(
      () => codec.decode(codec.encodeWire(7, { ...pass, force: 1_001 }), knowing({ 7: avroSchema(doors.schema) })),
      'BAD_FIELD',
      /field 'force' found 1001/,
      'force',
    )
  })

  test('is refused without a registry, and the error contains the setting', () =>
    refused(
      () => codec.decode(codec.encodeWire(7, pass)),
      'UNKNOWN_SCHEMA',
      /schema id 7 .* no registry is configured: set schemaRegistry\.url/,
    ))
})

describe('records of producers with other versions can be read', () => {
  const older = without('door')
  const newer = schemaWith((fields) => [
    { name: 'colour', type: 'string', default: '' },
    ...fields.filter(({ name }) => name !== 'door'),
    { name: 'battery', type: ['null', 'double'], default: null },
  ])
  const readers = knowing({ 1: avroSchema(older), 2: avroSchema(doors.schema), 3: avroSchema(newer) })
  const { door, ...doorless } = pass

  test.each<[string, Buffer, Event]>([
    ['an older one lacks a field that has a default', written(1, older, doorless), { ...pass, door: null }],
    ['one of the same version', written(2, doors.schema, pass), { ...pass, door }],
    [
      'a newer one has fields more, and has dropped one',
      written(3, newer, { ...doorless, colour: 'red', battery: 0.5 }),
      { ...pass, door: null },
    ],
  ])('%s', (_, bytes, event) => {
    const read = codec.decode(bytes, readers)
    assert.deepEqual(read, event)
    assert.deepEqual(Object.keys(read), Object.keys(pass))
  })

  test('numbers may be narrower than in the stream’s schema, and the namespace may differ', () => {
    const record = { ...withType('force', 'int'), namespace: 'com.acme' }
    assert.deepEqual(codec.decode(written(4, record, { ...pass, force: 12 }), knowing({ 4: avroSchema(record) })), {
      ...pass,
      force: 12,
    })
  })
})

test('of a union of records, those of the stream are read, and the others are dead letters alone', () => {
  const window: AvroRecord = { ...doors.schema, name: 'Window', fields: [{ name: 'pane', type: 'int' }] }
  const branches = [window, { ...doors.schema, namespace: 'com.acme' }]
  const union = { kind: 'avro', record: ['null', ...branches] } as const
  const bytes = (index: number, record: AvroRecord, event: object): Buffer => {
    const datum = written(5, record, event)
    return Buffer.concat([datum.subarray(0, 5), Buffer.from([index * 2]), datum.subarray(5)])
  }
  const readers = knowing({ 5: union })
  assert.deepEqual(codec.decode(bytes(2, doors.schema, pass), readers), pass)
  refused(
    () => codec.decode(bytes(1, window, { pane: 1 }), readers),
    'SCHEMA_MISMATCH',
    /schema id 5 \(a union, subject 'doors-value'\): this record cannot be read .* it is record test\.Window/,
  )
  refused(() => codec.decode(bytes(3, window, { pane: 1 }), readers), 'BAD_AVRO', /no branch 3 among 3/)
  const none = knowing({ 5: { kind: 'avro', record: [window, 'string'] } })
  refused(
    () => codec.decode(bytes(0, window, { pane: 1 }), none),
    'SCHEMA_MISMATCH',
    /a union, and it is record test\.Window/,
  )
})

describe('an unusable schema makes dead letters whose reason contains id, subject and field:', () => {
  const reading = (schema: WriterSchema) => () => codec.decode(codec.encodeWire(9, pass), knowing({ 9: schema }))

  test('the registry does not know it', () =>
    refused(reading({ kind: 'unknown' }), 'UNKNOWN_SCHEMA', /does not know schema id 9; .* subject 'doors-value'/))
  test('it is not an Avro record', () =>
    refused(
      reading({ kind: 'unfit', why: 'it is "string"' }),
      'SCHEMA_MISMATCH',
      /schema id 9 .* 'doors-value': it is "string"/,
    ))
  test('it lacks a required field', () =>
    refused(
      reading(avroSchema(without('badge'))),
      'SCHEMA_MISMATCH',
      /schema id 9 \(Door, subject 'doors-value'\) .* has no field 'badge'/,
      'badge',
    ))
  test('a field has another type', () =>
    refused(
      reading(avroSchema(withType('force', 'string'))),
      'SCHEMA_MISMATCH',
      /field 'force' is "string", which cannot be read as "double"/,
      'force',
    ))
  test('it is another record', () =>
    refused(reading(avroSchema({ ...doors.schema, name: 'Window' })), 'SCHEMA_MISMATCH', /schema id 9 .*Window/))
  test('each of them has an error of its own', () => {
    const readers = knowing({ 9: { kind: 'unknown' } })
    const thrown = [0, 1].map(() => {
      try {
        return codec.decode(codec.encodeWire(9, pass), readers)
      } catch (error) {
        return error
      }
    })
    assert.notEqual(thrown[0], thrown[1])
  })
})

test('a reader is compiled once while its schema is cached', () => {
  const schema = avroSchema(without('door'))
  const [first, second] = [knowing({ 1: schema }), knowing({ 1: schema, 2: schema })]
  assert.equal(first.get(1), second.get(1))
})

describe('a topic may accept only one format', () => {
  const avroOnly = eventCodec({ ...doors, accepts: 'avro' })
  const jsonOnly = eventCodec({ ...doors, accepts: 'json' })
  const readers = knowing({ 7: avroSchema(doors.schema) })

  test('Avro: JSON is refused, and the engine itself writes Avro', () => {
    refused(
      () => avroOnly.decode(codec.encodeJson(pass)),
      'UNACCEPTED_FORMAT',
      /is JSON, but topic 'doors' accepts only Avro/,
    )
    assert.deepEqual(avroOnly.decode(avroOnly.encode(pass)), pass)
    assert.deepEqual(
      avroOnly.decode(codec.encodeWire(7, pass), avroOnly.wireReaders(new Map([[7, avroSchema(doors.schema)]]))),
      pass,
    )
  })

  test('JSON: both kinds of Avro are refused, and the engine itself writes JSON', () => {
    refused(
      () => jsonOnly.decode(codec.encodeAvro(pass)),
      'UNACCEPTED_FORMAT',
      /is Avro, but topic 'doors' accepts only JSON/,
    )
    refused(() => jsonOnly.decode(codec.encodeWire(7, pass), readers), 'UNACCEPTED_FORMAT', /accepts only JSON/)
    assert.deepEqual(jsonOnly.decode(jsonOnly.encode(pass)), pass)
  })
})
