import avro from 'avsc'
import { EngineError, messageOf } from '../../base/errors.js'
import type { AvroRecord } from '../../contracts/streams.js'

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
  /** Only on an older version: converts its events to the current version. */
  readonly resolver: avro.Resolver | undefined
  /** The fingerprint in a record's header, hexadecimal. */
  readonly fingerprint: string
}

/**
 * The current version first, then the older ones. Throws BAD_STREAM when one is not valid Avro or its events cannot be
 * converted to the current version.
 */
export function avroVersions(
  current: AvroRecord,
  older: readonly AvroRecord[],
): readonly [AvroVersion, ...AvroVersion[]] {
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

/** Throws avsc's error for an invalid schema. */
export const avroType = (record: AvroRecord): avro.Type => avro.Type.forSchema(record as unknown as avro.Schema)

function typeOf(record: AvroRecord, which: string): avro.Type {
  try {
    return avroType(record)
  } catch (error) {
    throw new EngineError('BAD_STREAM', `${which}: ${messageOf(error)}`, { cause: error })
  }
}

function resolverOf(reader: avro.Type, writer: avro.Type, which: number): avro.Resolver {
  try {
    return reader.createResolver(writer)
  } catch (error) {
    throw new EngineError(
      'BAD_STREAM',
      `older schema ${which}: its events cannot be read with the current one: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

/** Reads the datum that begins at `from` and ends with the bytes. Throws BAD_AVRO. */
export function datum(
  type: avro.Type,
  bytes: Buffer,
  from: number,
  resolver: avro.Resolver | undefined,
): Readonly<Record<string, unknown>> {
  let decoded: { value: unknown; offset: number }
  try {
    decoded = type.decode(bytes, from, resolver)
  } catch (error) {
    throw new EngineError('BAD_AVRO', messageOf(error).slice(0, 200), { cause: error })
  }
  if (decoded.offset < 0)
    throw new EngineError('BAD_AVRO', `cut off: ${bytes.length} bytes do not contain a complete event`)
  if (decoded.offset < bytes.length)
    throw new EngineError('BAD_AVRO', `${bytes.length - decoded.offset} bytes follow the event`)
  return decoded.value as Readonly<Record<string, unknown>>
}

/**
 * The resolver that reads bytes of `writer`'s schema as `reader`'s. Producers choose their own namespaces, so only
 * short names are compared, as Avro's schema resolution allows. Throws avsc's error when the schemas cannot be
 * resolved. avsc stores incomplete resolvers in its options, so each call passes new ones.
 */
export const resolverFor = (reader: avro.Type, writer: avro.Type): avro.Resolver =>
  reader.createResolver(writer, { ignoreNamespaces: true })

/**
 * Why events of `writer` cannot be read as `reader`, with the field if one causes it; undefined when they can.
 */
export function mismatch(
  reader: avro.Type,
  writer: avro.Type,
): { readonly why: string; readonly field?: string } | undefined {
  try {
    resolverFor(reader, writer)
    return undefined
  } catch (error) {
    return fieldMismatch(reader, writer) ?? { why: messageOf(error) }
  }
}

function fieldMismatch(
  reader: avro.Type,
  writer: avro.Type,
): { readonly why: string; readonly field: string } | undefined {
  const written = new Map(fieldsOf(writer).map((field) => [field.name, field.type]))
  for (const { name, aliases, type, defaultValue } of fieldsOf(reader)) {
    const found = [name, ...aliases].map((one) => written.get(one)).find((one) => one !== undefined)
    if (found === undefined && defaultValue() === undefined)
      return { field: name, why: `it has no field '${name}', and the stream's schema has no default for it` }
    if (found !== undefined && !resolves(type, found))
      return {
        field: name,
        why: `its field '${name}' is ${JSON.stringify(found)}, which cannot be read as ${JSON.stringify(type)}`,
      }
  }
  return undefined
}

interface NamedField {
  readonly name: string
  readonly aliases: readonly string[]
  readonly type: avro.Type
  readonly defaultValue: () => unknown
}

const fieldsOf = (type: avro.Type): readonly NamedField[] =>
  type instanceof avro.types.RecordType
    ? type.fields.map((field) => ({
        name: field.name,
        aliases: field.aliases,
        type: field.type,
        defaultValue: () => field.defaultValue() as unknown,
      }))
    : []

function resolves(reader: avro.Type, writer: avro.Type): boolean {
  try {
    resolverFor(reader, writer)
    return true
  } catch {
    return false
  }
}
