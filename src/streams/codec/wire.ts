import { EngineError, messageOf } from '../../base/errors.js'
import type { Event } from '../../features/feature.js'
import { avroNode } from '../schema/avro-node.js'
import { resolve, type ReaderSchema } from '../schema/resolution.js'
import type { Reader } from './reader.js'
import { subjectOf, type WriterSchema } from './schema-source.js'
import type { Stream } from '../stream.js'

/** The wire format of Confluent's serializers: 0, the id of the writer's schema (4 bytes, big-endian), the datum. */
export const wireFormat = { magic: 0x00, headerBytes: 5 } as const

/** Converts one record in the wire format to an event. Throws the error of the record or of its schema. */
export type WireReader = (value: Buffer) => Event

/** The readers of the records of a chunk, by schema id. */
export type WireReaders = ReadonlyMap<number, WireReader>

export const noWireReaders: WireReaders = new Map()

/** The schema ids of values in the wire format; a chunk has one or two. */
export function schemaIds(values: Iterable<Buffer | null>): ReadonlySet<number> {
  const ids = new Set<number>()
  for (const value of values)
    if (value !== null && value[0] === wireFormat.magic && value.length >= wireFormat.headerBytes)
      ids.add(value.readUInt32BE(1))
  return ids
}

/** Reads a value with the reader of its schema. Throws BAD_AVRO, UNKNOWN_SCHEMA, SCHEMA_MISMATCH, BAD_FIELD. */
export function readWire(value: Buffer, readers: WireReaders): Event {
  if (value.length < wireFormat.headerBytes)
    throw new EngineError('BAD_AVRO', 'not a wire format: 0 and 4 bytes of schema id are expected')
  const id = value.readUInt32BE(1)
  const read = readers.get(id)
  if (read === undefined)
    throw new EngineError(
      'UNKNOWN_SCHEMA',
      `the record has schema id ${id} of a registry, but no registry is configured: set ` +
        'schemaRegistry.url, or write single-object encoding or JSON',
    )
  return read(value)
}

/**
 * Makes readers from a registry's schemas. A writer's schema is resolved to the stream's own, so records of old and new
 * producers can be read. Compiling takes ~1 ms, so a reader is cached as long as its schema.
 */
export function wireReaders(
  stream: Stream,
  current: ReaderSchema,
  reader: Reader,
): (schemas: ReadonlyMap<number, WriterSchema>) => WireReaders {
  const kept = new WeakMap<WriterSchema, WireReader>()
  const readerOf = (id: number, schema: WriterSchema): WireReader => {
    const known = kept.get(schema)
    if (known !== undefined) return known
    const made = wireReader(stream, current, reader, id, schema)
    kept.set(schema, made)
    return made
  }
  return (schemas) => new Map([...schemas].map(([id, schema]) => [id, readerOf(id, schema)]))
}

/** A schema that cannot be used makes a dead letter of each of its records, whatever is wrong with it. */
function wireReader(
  stream: Stream,
  current: ReaderSchema,
  reader: Reader,
  id: number,
  schema: WriterSchema,
): WireReader {
  const which = `schema id ${id}`
  const subject = subjectOf(stream)
  if (schema.kind === 'unknown')
    return refusing(
      'UNKNOWN_SCHEMA',
      `the registry does not know ${which}; register the writer's schema under subject '${subject}' of the ` +
        'registry that this engine uses',
    )
  if (schema.kind === 'unfit')
    return refusing(
      'SCHEMA_MISMATCH',
      `${which} is not an Avro record, so it cannot be an event of subject '${subject}': ${schema.why}`,
    )
  const name = 'name' in schema.record ? schema.record.name : 'a union'
  const named = `${which} (${name}, subject '${subject}')`
  try {
    const read = resolve(current, avroNode(schema.record, schema.references), named)
    if (typeof read === 'function') return (value) => reader(read(value, wireFormat.headerBytes))
    return refusing('SCHEMA_MISMATCH', `${named} cannot be read as the stream's schema: ${read.why}`, read.field)
  } catch (error) {
    return refusing('SCHEMA_MISMATCH', `${named} is not valid Avro: ${messageOf(error).slice(0, 200)}`)
  }
}

/** Creates an error per record: each dead letter gets a stack of its own. */
const refusing =
  (code: EngineError['code'], message: string, field?: string): WireReader =>
  () => {
    throw new EngineError(code, message, field === undefined ? {} : { field })
  }

/** The header of a record in the wire format. */
export function wireHeader(id: number): Buffer {
  const header = Buffer.alloc(wireFormat.headerBytes)
  header.writeUInt32BE(id, 1)
  return header
}
