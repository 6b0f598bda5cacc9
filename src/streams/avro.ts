import avro from 'avsc'
import { EngineError, messageOf } from '../errors.js'
import type { AvroRecord } from './stream.js'

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

/** One version of a stream's schema, ready to read and write. */
export interface AvroVersion {
  readonly type: avro.Type
  /** Present on an older version: what makes an event of the current one of it. */
  readonly resolver: avro.Resolver | undefined
  /** As it stands in a record's header, hexadecimal. */
  readonly fingerprint: string
}

/** The current version first, then the older ones. Throws BAD_STREAM where one is no valid Avro or cannot become the current one. */
export function avroVersions(current: AvroRecord, older: readonly AvroRecord[]): readonly [AvroVersion, ...AvroVersion[]] {
  const type = typeOf(current, 'schema')
  return [
    { type, resolver: undefined, fingerprint: fingerprintOf(type) },
    ...older.map((record, at) => {
      const writer = typeOf(record, `older schema ${at + 1}`)
      return { type: writer, resolver: resolverOf(type, writer, at + 1), fingerprint: fingerprintOf(writer) }
    }),
  ]
}

/** The fingerprint of the parsing canonical form, in the byte order of the header. */
export function fingerprintOf(type: avro.Type): string {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(crc64(JSON.stringify(type.schema())))
  return bytes.toString('hex')
}

function typeOf(record: AvroRecord, which: string): avro.Type {
  try {
    return avro.Type.forSchema(record as unknown as avro.Schema)
  } catch (error) {
    throw new EngineError('BAD_STREAM', `${which}: ${messageOf(error)}`, { cause: error })
  }
}

function resolverOf(reader: avro.Type, writer: avro.Type, which: number): avro.Resolver {
  try {
    return reader.createResolver(writer)
  } catch (error) {
    throw new EngineError('BAD_STREAM', `older schema ${which}: its events cannot be read with the current one: ${messageOf(error)}`, { cause: error })
  }
}
