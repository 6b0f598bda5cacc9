/** Small inputs that failed: bytes and schemas of real producers, read with the stream that they were sent to. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import avro from 'avsc'
import { test } from 'vitest'
import type { AvroField, AvroRecord } from '../../../src/contracts/streams.js'
import { eventCodec } from '../../../src/streams/codec/codec.js'
import { wireHeader } from '../../../src/streams/codec/wire.js'
import { loadStreams } from '../../../src/streams/load.js'
import type { Stream } from '../../../src/streams/stream.js'
import { caseAt } from '../../cases.js'
import { refused } from '../language/refused.js'

const path = caseAt('streams')
const pay = path === undefined ? undefined : (await loadStreams([`${path}/pay.ts`]))[0]!
const nowMs = Date.UTC(2026, 0, 6, 8)
const event = {
  ...{ event_id: 'e1', tenant_id: 'acme', card_id: 'c1', at: nowMs },
  ...{ opened_at: null, rate: 0.5, total: 1, kind: 'card', note: null },
}

/** The stream's schema as a producer changed it. */
const changed = (schema: AvroRecord, name: string, change: (field: AvroField) => AvroField): AvroRecord => ({
  ...schema,
  fields: schema.fields.map((field) => (field.name === name ? change(field) : field)),
})
const typed = (schema: AvroRecord, name: string, type: unknown): AvroRecord =>
  changed(schema, name, (field) => ({ ...field, type }))

/** The schema without what changes no bytes, so that the usual library takes it. */
const bare = (schema: unknown): unknown =>
  JSON.parse(JSON.stringify(schema, (key, value: unknown) => (/^(logicalType|default)$/.test(key) ? undefined : value)))

/** Reads values that a producer with this schema wrote. */
function reading(stream: Stream, writer: AvroRecord) {
  const codec = eventCodec(stream)
  const readers = codec.wireReaders(new Map([[7, { kind: 'avro', record: writer }]]))
  const type = avro.Type.forSchema(bare(writer) as avro.Schema)
  return (value: object) => codec.decode(Buffer.concat([wireHeader(7), type.toBuffer(value)]), readers)
}

const onPay = (name: string, act: (stream: Stream) => void): void =>
  test(name, () => {
    if (pay !== undefined) act(pay)
  })

onPay('micros: a time in microseconds, nanoseconds or days is converted, also as the event’s own', (stream) => {
  const opened = nowMs - 7_200_000
  const read = (logicalType: string, type: string, value: number): unknown =>
    reading(stream, typed(stream.schema, 'opened_at', ['null', { type, logicalType }]))({ ...event, opened_at: value })[
      'opened_at'
    ]
  assert.equal(read('timestamp-micros', 'long', opened * 1_000 + 999), opened)
  assert.equal(read('date', 'int', 20_000), 20_000 * 86_400_000)
  const micros = typed(stream.schema, 'at', { type: 'long', logicalType: 'timestamp-micros' })
  assert.equal(reading(stream, micros)({ ...event, at: nowMs * 1_000 })['at'], nowMs)
  const local = typed(stream.schema, 'at', { type: 'long', logicalType: 'local-timestamp-micros' })
  refused(
    () => reading(stream, local)(event),
    'SCHEMA_MISMATCH',
    /field 'at' is "long" \(local-timestamp-micros\)/,
    'at',
  )
})

onPay('union-widening: what a schema could hold refuses no value that fits', (stream) => {
  const nullable = reading(stream, typed(stream.schema, 'card_id', ['null', 'string']))
  assert.equal(nullable({ ...event, card_id: 'c1' })['card_id'], 'c1')
  refused(
    () => nullable({ ...event, card_id: null }),
    'BAD_FIELD',
    /field 'card_id' found null; expected an id/,
    'card_id',
  )
  const several = reading(stream, typed(stream.schema, 'note', ['null', 'string', 'long']))
  assert.equal(several({ ...event, note: 'x' })['note'], 'x')
  refused(
    () => several({ ...event, note: 7 }),
    'SCHEMA_MISMATCH',
    /schema id 7 .*in this record, field 'note' is "long", which cannot be read as \["null", "string"\]/,
    'note',
  )
})

onPay('union-widening: a symbol that the stream lacks is the default of its enum, or a dead letter alone', (stream) => {
  const more = ['card', 'cash', 'other', 'crypto']
  const kind = { type: 'enum', name: 'Kind', symbols: more }
  const read = reading(stream, typed(stream.schema, 'kind', kind))
  assert.equal(read({ ...event, kind: 'cash' })['kind'], 'cash')
  assert.equal(read({ ...event, kind: 'crypto' })['kind'], 'other')
  assert.equal(eventCodec(stream).decode(Buffer.from(JSON.stringify({ ...event, kind: 'crypto' })))['kind'], 'other')
  const plain = typed(stream.schema, 'kind', { ...kind, symbols: more.slice(0, 3) })
  const strict = { ...stream, schema: plain }
  assert.equal(reading(strict, typed(plain, 'kind', kind))({ ...event, kind: 'cash' })['kind'], 'cash')
  const found = /field 'kind' found "crypto"; expected one of "card", "cash", "other"/
  refused(() => reading(strict, typed(plain, 'kind', kind))({ ...event, kind: 'crypto' }), 'BAD_FIELD', found, 'kind')
  refused(() => eventCodec(strict).read({ ...event, kind: 'crypto' }), 'BAD_FIELD', found, 'kind')
  refused(() => eventCodec(stream).read({ ...event, kind: 7 }), 'BAD_FIELD', /field 'kind' found 7/, 'kind')
})

onPay('bad-default: a default of a writer refuses nothing', (stream) => {
  const withField = (field: AvroField): AvroRecord => ({ ...stream.schema, fields: [...stream.schema.fields, field] })
  for (const [field, value] of [
    [{ name: 'channel', type: ['null', 'string'], default: 'web' }, 'app'],
    [{ name: 'channel', type: 'string', default: null }, 'app'],
    [{ name: 'channel', type: { type: 'enum', name: 'C', symbols: ['a'], default: 'b' } }, 'a'],
  ] as const)
    assert.deepEqual(reading(stream, withField(field))({ ...event, channel: value }), event)
})

onPay('float32: 0.1 is one value from every format', (stream) => {
  const codec = eventCodec(stream)
  const given = { ...event, rate: 0.1 }
  const readers = codec.wireReaders(new Map([[7, { kind: 'avro', record: stream.schema }]]))
  const rates = [
    codec.read(given), codec.decode(Buffer.from(JSON.stringify(given))), codec.decode(codec.encodeAvro(given)),
    codec.decode(codec.encodeWire(7, given), readers), codec.decode(codec.encodeJson(codec.read(given))),
  ].map(({ rate }) => rate) // prettier-ignore
  assert.deepEqual(new Set(rates), new Set([Math.fround(0.1)]))
  assert.equal(codec.read({ ...given, rate: 3.4028235e38 })['rate'], 3.4028234663852886e38)
  refused(() => codec.read({ ...given, rate: 3.5e38 }), 'BAD_FIELD', /field 'rate' found 3.5e\+38/, 'rate')
  const bounded = {
    ...stream,
    schema: changed(stream.schema, 'rate', (field) => ({ ...field, maximum: 0.1, default: 0.1 })),
  }
  assert.equal(eventCodec(bounded).read({ ...given })['rate'], Math.fround(0.1))
  assert.equal(eventCodec(bounded).read({ ...given, rate: undefined })['rate'], Math.fround(0.1))
})

onPay('latin1 and gzip: bytes that are not UTF-8 are refused with the cause', (stream) => {
  const codec = eventCodec(stream)
  const latin = caseAt('latin1/events.ndjson')
  if (latin !== undefined) {
    const lines = readFileSync(latin, 'latin1').trim().split('\n')
    for (const line of lines)
      refused(
        () => codec.decode(Buffer.from(line, 'latin1')),
        'BAD_JSON',
        /not UTF-8: byte 0xf[cv6-f] at position \d+ .*Latin-1/,
      )
  }
  const zipped = caseAt('gzip/g.json.gz')
  if (zipped !== undefined) {
    const bytes = readFileSync(zipped)
    refused(() => codec.decode(bytes), 'BAD_JSON', /looks like gzip; .*compression\.type/)
    assert.equal(codec.decode(gunzipSync(bytes))['event_id'], 'g1')
  }
  const json = Buffer.from(`\ufeff${JSON.stringify(event)}`)
  assert.deepEqual(codec.decode(json), event)
  const wide = Buffer.from(JSON.stringify(event), 'utf16le')
  for (const bytes of [wide, Buffer.concat([Buffer.from([0xff, 0xfe]), wide]), Buffer.from(wide).swap16()])
    refused(() => codec.decode(bytes), 'BAD_JSON', /UTF-16/)
  const half = Buffer.from(JSON.stringify({ ...event, note: '\ud800' }))
  refused(() => codec.decode(half), 'BAD_FIELD', /field 'note' found "\\ud800", with half of a surrogate pair/, 'note')
})
