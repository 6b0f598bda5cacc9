/** A stream's Avro schema as JSON Schema, and an example of an event, for the OpenAPI document. */
import type { AvroRecord } from '../../contracts/streams.js'

type Json = Readonly<Record<string, unknown>>

const primitives: Readonly<Record<string, Json>> = {
  null: { type: 'null' },
  boolean: { type: 'boolean' },
  int: { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 },
  long: { type: 'integer' },
  float: { type: 'number' },
  double: { type: 'number' },
  string: { type: 'string' },
  bytes: { type: 'string' },
}

/** JSON Schema (2020-12) of the events of a record schema. Columns in `optional` may be left out. */
export function jsonSchemaOf(record: AvroRecord, optional: readonly string[]): Json {
  const required = record.fields
    .filter((field) => field.default === undefined && !optional.includes(field.name))
    .map((field) => field.name)
  return {
    type: 'object',
    ...(record.doc !== undefined && { description: record.doc }),
    properties: Object.fromEntries(
      record.fields.map((field) => [
        field.name,
        { ...typeOf(field.type), ...(field.doc !== undefined && { description: field.doc }) },
      ]),
    ),
    ...(required.length > 0 && { required }),
  }
}

function typeOf(type: unknown): Json {
  if (typeof type === 'string') return primitives[type] ?? {}
  if (Array.isArray(type)) return { anyOf: type.map(typeOf) }
  const complex = type as {
    readonly type: unknown
    readonly symbols?: unknown
    readonly items?: unknown
    readonly values?: unknown
    readonly logicalType?: string
  }
  switch (complex.type) {
    case 'enum':
      return { type: 'string', enum: complex.symbols }
    case 'array':
      return { type: 'array', items: typeOf(complex.items) }
    case 'map':
      return { type: 'object', additionalProperties: typeOf(complex.values) }
    case 'record':
      return jsonSchemaOf(type as AvroRecord, [])
    default:
      return {
        ...typeOf(complex.type),
        ...(complex.logicalType?.startsWith('timestamp') && { description: 'Epoch milliseconds.' }),
      }
  }
}

/** A minimal event of the schema with plain values: required columns only. Every timestamp is `nowMs`. */
export function exampleOf(record: AvroRecord, nowMs: number, omit: readonly string[]): Record<string, unknown> {
  const given = record.fields.filter((field) => field.default === undefined && !omit.includes(field.name))
  return Object.fromEntries(given.map((field) => [field.name, valueOf(field.name, field.type, nowMs)]))
}

function valueOf(name: string, type: unknown, nowMs: number): unknown {
  if (Array.isArray(type))
    return valueOf(
      name,
      type.find((branch) => branch !== 'null'),
      nowMs,
    )
  if (typeof type === 'object' && type !== null) {
    const complex = type as {
      readonly type: unknown
      readonly symbols?: readonly string[]
      readonly logicalType?: string
      readonly fields?: AvroRecord['fields']
    }
    if (complex.logicalType?.startsWith('timestamp')) return nowMs
    if (complex.type === 'enum') return complex.symbols?.[0]
    if (complex.type === 'array') return []
    if (complex.type === 'map') return {}
    if (complex.type === 'record') return exampleOf(type as AvroRecord, nowMs, [])
    return valueOf(name, complex.type, nowMs)
  }
  if (type === 'string' || type === 'bytes') return `${name.replace(/_id$/, '')}-1`
  return type === 'boolean' ? false : type === 'null' ? null : 1
}
