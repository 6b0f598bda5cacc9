import avro from 'avsc'
import { EngineError, messageOf } from '../../base/errors.js'
import type { AvroRecord } from '../../contracts/streams.js'
import { avroNode } from './avro-node.js'
import { readerSchema, resolve, type ReadDatum, type ReaderSchema } from './resolution.js'

/** Single-object encoding: C3 01, the fingerprint of the writer's schema (8 bytes, little-endian), the datum. */
export const singleObject = { marker0: 0xc3, marker1: 0x01, headerBytes: 10 } as const

const empty = 0xc15d213aa4d7a795n

/** CRC-64-AVRO of a text. Source: Apache Avro specification, "Schema Fingerprints". */
export function crc64(text: string): bigint {
  let crc = empty
  for (const byte of Buffer.from(text, 'utf8')) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (empty & -(crc & 1n))
  }
  return crc
}

/** One version of a stream's schema, ready to read. */
export interface AvroVersion {
  /** Reads events of this version as events of the current one. */
  readonly read: ReadDatum
  /** The fingerprint in a record's header, hexadecimal. */
  readonly fingerprint: string
}

/** A stream's schema with its earlier versions. */
export interface AvroVersions {
  /** The current version first. */
  readonly all: readonly [AvroVersion, ...AvroVersion[]]
  /** Writes the current version. */
  readonly type: avro.Type
  /** The current version, to which the schemas of other writers are resolved. */
  readonly reader: ReaderSchema
}

/** Throws BAD_STREAM when a version is not valid Avro, or when no event of it can be read as the current version. */
export function avroVersions(current: AvroRecord, older: readonly AvroRecord[]): AvroVersions {
  const type = valid('schema', () => avroType(current))
  const reader = valid('schema', () => readerSchema(current))
  const versionOf = (record: AvroRecord, which: string): AvroVersion =>
    valid(which, () => ({ read: reading(reader, record, which), fingerprint: fingerprintOf(avroType(bare(record))) }))
  return {
    all: [versionOf(current, 'schema'), ...older.map((record, at) => versionOf(record, `older schema ${at + 1}`))],
    type,
    reader,
  }
}

function valid<Made>(which: string, make: () => Made): Made {
  try {
    return make()
  } catch (error) {
    throw new EngineError('BAD_STREAM', `${which}: ${messageOf(error)}`, { cause: error })
  }
}

function reading(reader: ReaderSchema, record: AvroRecord, which: string): ReadDatum {
  const read = resolve(reader, avroNode(record), which)
  if (typeof read === 'function') return read
  throw new Error(`its events cannot be read with the current one: ${read.why}`)
}

/** The fingerprint of the parsing canonical form, in the byte order of the header. */
export function fingerprintOf(type: avro.Type): string {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(crc64(JSON.stringify(type.schema())))
  return bytes.toString('hex')
}

/** Throws avsc's error for an invalid schema. */
export const avroType = (record: AvroRecord): avro.Type => avro.Type.forSchema(record as unknown as avro.Schema)

/** The schema without its fields' defaults: they change no bytes, and avsc is stricter about them than producers. */
const bare = (record: AvroRecord): AvroRecord => ({
  ...record,
  fields: record.fields.map((field) => ({ ...field, default: undefined })),
})
