import { isUtf8 } from 'node:buffer'
import { EngineError, messageOf } from '../../base/errors.js'
import type { Event } from '../../features/feature.js'
import { limits } from '../../base/limits.js'
import { recordTimeOf } from '../../base/record-time.js'
import { shown } from '../../base/shown.js'
import { notUtf8, otherEncoding, withoutMark } from '../../base/utf8.js'
import { avroVersions, singleObject, type AvroVersion, type AvroVersions } from '../schema/avro.js'
import { compileReader, type Reader } from './reader.js'
import { columnsOf } from '../schema/schema.js'
import type { WriterSchema } from './schema-source.js'
import type { Stream } from '../stream.js'
import { noWireReaders, readWire, wireFormat, wireHeader, wireReaders, type WireReaders } from './wire.js'

/** Converts bytes to events of one stream and back. JSON and Avro give the same event. */
export interface EventCodec {
  /**
   * Decodes JSON when the first byte is '{' or white space, and Avro when it is C3 (single-object encoding) or 0 (a
   * registry's wire format, whose schema must be in `readers`). Throws BAD_JSON, BAD_AVRO, UNACCEPTED_FORMAT,
   * UNKNOWN_SCHEMA, SCHEMA_MISMATCH, and BAD_FIELD with the field, the found and the expected value.
   */
  decode(value: Buffer, readers?: WireReaders): Event
  /** Readers for records that were written with these schemas. */
  wireReaders(schemas: ReadonlyMap<number, WriterSchema>): WireReaders
  /** Decodes an Avro datum of the stream's own schema, without a header. Throws BAD_AVRO, BAD_FIELD. */
  decodeDatum(body: Buffer): Event
  /**
   * Converts parsed JSON to an event and ignores fields that are not in the schema. Throws BAD_JSON for anything but
   * an object, BAD_FIELD.
   */
  read(parsed: unknown): Event
  /** Encodes as JSON, or as single-object encoding when the topic accepts only Avro. Throws BAD_FIELD. */
  encode(event: Event): Buffer
  /** Avro single-object encoding. Throws BAD_FIELD when the event does not fit the schema. */
  encodeAvro(event: Event): Buffer
  /** The wire format of a registry, with the id of the stream's own schema. Throws BAD_FIELD. */
  encodeWire(id: number, event: Event): Buffer
  encodeJson(event: Event): Buffer
  /** The record key, which decides the partition. */
  keyOf(event: Event): Buffer
}

/** Compiles a stream's codec. Throws BAD_STREAM when a schema is not valid Avro. */
export function eventCodec(stream: Stream): EventCodec {
  const versions = avroVersions(stream.schema, stream.olderSchemas)
  const columns = columnsOf(stream.schema)
  const ids = new Set([
    stream.id,
    stream.tenant,
    stream.key,
    ...Object.values(stream.entities).flatMap((entity) => entity.columns),
  ])
  const reader = compileReader(columns, ids)
  const decodeAvro = avroDecoder(versions.all, reader)
  const read = (parsed: unknown): Event => {
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new EngineError('BAD_JSON', 'an event must be a JSON object')
    return reader(parsed as Readonly<Record<string, unknown>>)
  }
  const encode = avroEncoder(versions.type)
  const singleObjectHeader = Buffer.from(`c301${versions.all[0].fingerprint}`, 'hex')
  const encodeAvro = (event: Event): Buffer => encode(singleObjectHeader, event)
  const encodeJson = (event: Event): Buffer => Buffer.from(JSON.stringify(event), 'utf8')
  const { accepts = 'any' } = stream
  return {
    decode: (value, readers = noWireReaders) => {
      switch (value[0]) {
        case 0x7b:
        case 0x20:
        case 0x09:
        case 0x0a:
        case 0x0d:
        case byteOrderMark:
          if (accepts === 'avro') throw unaccepted(stream, 'JSON', 'Avro')
          return read(parsedJson(value))
        case singleObject.marker0:
          if (accepts === 'json') throw unaccepted(stream, 'Avro', 'JSON')
          return decodeAvro(value)
        case wireFormat.magic:
          if (isWideJson(value)) throw unknownEncoding(value)
          if (accepts === 'json') throw unaccepted(stream, 'Avro', 'JSON')
          return readWire(value, readers)
        default:
          throw unknownEncoding(value)
      }
    },
    wireReaders: wireReaders(stream, versions.reader, reader),
    decodeDatum: (body) => reader(versions.all[0].read(body, 0)),
    read,
    encode: accepts === 'avro' ? encodeAvro : encodeJson,
    encodeAvro,
    encodeWire: (id, event) => encode(wireHeader(id), event),
    encodeJson,
    keyOf: (event) => Buffer.from(event[stream.key] as string, 'utf8'),
  }
}

/** 2000-01-01: a device without a clock reports 1970. */
const earliestMs = Date.UTC(2000, 0, 1)

/** 2100-01-01: a time after it is in another unit. */
const latestMs = Date.UTC(2100, 0, 1)

/**
 * Throws TIME_OUT_OF_RANGE when the event's time is before 2000 or after 2099, or after its record's time by more than
 * `limits.futureMs`, the tolerated clock error. A record time that is no plausible time in any unit is not compared.
 */
export function checkEvent(stream: Stream, event: Event, timestamp: number): void {
  const timeMs = event[stream.time] as number
  const recordTimeMs = recordTimeOf(timestamp) ?? latestMs
  if (timeMs >= earliestMs && timeMs < latestMs && timeMs <= recordTimeMs + limits.futureMs) return
  const what =
    timeMs < earliestMs
      ? 'is before 2000'
      : timeMs >= latestMs
        ? 'is after 2099'
        : `is ${Math.round((timeMs - recordTimeMs) / 1000)} s after the record's own time, ` +
          `at most ${limits.futureMs / 1000} s are allowed`
  throw new EngineError('TIME_OUT_OF_RANGE', `field '${stream.time}' ${what}: ${timeMs}`, { field: stream.time })
}

/** The first byte of UTF-8 text that begins with a byte order mark. */
const byteOrderMark = 0xef

/** UTF-16 JSON begins with 0, as the wire format does. As a schema id it would be greater than two thousand million. */
const isWideJson = (value: Buffer): boolean => value[1] === 0x7b && value[2] === 0 && otherEncoding(value) !== undefined

function parsedJson(given: Buffer): unknown {
  if (!isUtf8(given)) throw new EngineError('BAD_JSON', `the JSON is ${notUtf8(given)}`)
  const value = given[0] === byteOrderMark ? withoutMark(given) : given
  try {
    return JSON.parse(value.toString('utf8')) as unknown
  } catch (error) {
    const other = otherEncoding(value)
    if (other !== undefined) throw new EngineError('BAD_JSON', `the JSON is not UTF-8: it looks like ${other}`)
    throw new EngineError('BAD_JSON', messageOf(error).slice(0, 200), { cause: error })
  }
}

function avroDecoder(versions: AvroVersions['all'], reader: Reader): (value: Buffer) => Event {
  const [{ read, fingerprint: own }] = versions
  const known = new Map<string, AvroVersion>(versions.map((version) => [version.fingerprint, version]))
  const current = Buffer.from(own, 'hex')
  const low = current.readInt32LE(0)
  const high = current.readInt32LE(4)
  return (value) => {
    if (value.length < singleObject.headerBytes || value[1] !== singleObject.marker1)
      throw new EngineError('BAD_AVRO', 'not a single-object encoding: C3 01 and 8 bytes of fingerprint are expected')
    if (value.readInt32LE(2) === low && value.readInt32LE(6) === high)
      return reader(read(value, singleObject.headerBytes))
    const fingerprint = value.toString('hex', 2, singleObject.headerBytes)
    const version = known.get(fingerprint)
    if (version === undefined)
      throw new EngineError(
        'UNKNOWN_SCHEMA',
        `no schema of this stream has the fingerprint ${fingerprint}; save the writer's schema beside the ` +
          'current one as <name>.<version>.avsc',
      )
    return reader(version.read(value, singleObject.headerBytes))
  }
}

const scratchBytes = 4_096

/** Writes a datum after a header. All events share one buffer, which grows to the largest event. */
function avroEncoder(type: AvroVersions['type']): (header: Buffer, event: Event) => Buffer {
  let scratch = Buffer.alloc(scratchBytes)
  return (header, event) => {
    try {
      let end = type.encode(event, scratch, header.length)
      if (end < 0) {
        scratch = Buffer.alloc(scratch.length - end)
        end = type.encode(event, scratch, header.length)
      }
      header.copy(scratch)
      return Buffer.from(scratch.subarray(0, end))
    } catch (error) {
      throw unfit(type, event, error)
    }
  }
}

function unfit(type: AvroVersions['type'], event: Event, cause: unknown): EngineError {
  let field: string | undefined
  type.isValid(event, { errorHook: (path: string[]) => void (field ??= path[0]) })
  return new EngineError(
    'BAD_FIELD',
    field === undefined
      ? messageOf(cause).slice(0, 200)
      : `field '${field}' does not fit the schema: found ${shown(event[field])}`,
    { cause, ...(field === undefined ? {} : { field }) },
  )
}

const unaccepted = (stream: Stream, found: string, wanted: string): EngineError =>
  new EngineError(
    'UNACCEPTED_FORMAT',
    `the record is ${found}, but topic '${stream.topic}' accepts only ${wanted}; write ${wanted}, or change ` +
      'streams.accept',
  )

function unknownEncoding(value: Buffer): EngineError {
  if (value.length === 0) return new EngineError('BAD_JSON', 'the record is empty')
  const other = otherEncoding(value)
  if (other === undefined)
    return new EngineError(
      'BAD_JSON',
      `an event starts with '{' (JSON), C3 01 or 0 (Avro), not with 0x${value[0]!.toString(16).padStart(2, '0')}`,
    )
  return new EngineError(
    'BAD_JSON',
    other.startsWith('UTF-')
      ? `the JSON is not UTF-8: it looks like ${other}; write UTF-8`
      : `the event looks like ${other}; write it uncompressed, and let Kafka's client compress (compression.type)`,
  )
}
