import { readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError, messageOf } from '../../base/errors.js'
import type { AnyEvent } from './columns.js'
import type { AvroField, AvroRecord } from '../../contracts/streams.js'

declare const event: unique symbol

/** A schema and its earlier versions; `C` is the type of its events. */
export interface Schema<C = AnyEvent> {
  readonly path: string
  readonly record: AvroRecord
  readonly older: readonly AvroRecord[]
  readonly [event]?: C | undefined
}

/**
 * Reads an Avro record schema, relative to the calling file: `avsc(import.meta.url, './door.avsc')`. Files named
 * `door.<anything>.avsc` beside it are earlier versions, whose events can still be read. With the generated type,
 * `avsc<DoorEvent>(...)`, the compiler knows the columns; without it they are checked when the stream is defined.
 * Throws BAD_STREAM when the file is missing or is not an Avro record.
 */
export function avsc<C = AnyEvent>(from: string, path: string): Schema<C> {
  const file = fileURLToPath(new URL(path, from))
  const stem = basename(file, '.avsc')
  const record = readSchema(file)
  const older = readdirSync(dirname(file)).filter(
    (name) => name.startsWith(`${stem}.`) && name.endsWith('.avsc') && name !== `${stem}.avsc`,
  )
  return { path: file, record, older: older.sort().map((name) => readSchema(join(dirname(file), name))) }
}

/** The record schema in an .avsc file. Throws BAD_STREAM when the file is missing or is not an Avro record. */
export function readSchema(file: string): AvroRecord {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new EngineError('BAD_STREAM', `schema ${file}: ${messageOf(error)}`, { cause: error })
  }
  if (!isRecord(parsed))
    throw new EngineError('BAD_STREAM', `schema ${file}: must be an Avro record with "name" and "fields"`)
  return parsed
}

const isRecord = (thing: unknown): thing is AvroRecord =>
  typeof thing === 'object' &&
  thing !== null &&
  'type' in thing &&
  thing.type === 'record' &&
  'name' in thing &&
  typeof thing.name === 'string' &&
  'fields' in thing &&
  Array.isArray(thing.fields)

/** The kind of a column's values. `time` is epoch milliseconds; `integer` and `time` are whole numbers below 2^52. */
export type ColumnKind = 'text' | 'enum' | 'boolean' | 'integer' | 'number' | 'time'

export interface ColumnInfo {
  readonly name: string
  readonly kind: ColumnKind
  readonly nullable: boolean
  /** The value of an absent field; undefined makes the field required. */
  readonly fallback: string | number | boolean | null | undefined
  readonly symbols: readonly string[]
  /** The value of an enum for a symbol that is not in `symbols`: the default of the enum itself, not of its field. */
  readonly otherSymbols: string | undefined
  /** Whether the values are float32. */
  readonly isSingle: boolean
  readonly minimum: number
  readonly maximum: number
}

/**
 * Below 2^52: Avro doubles an integer to encode its sign, and avsc computes in doubles, so it reads -2^52 - 1 as 2^52.
 */
const mostLong = 2 ** 52 - 1

const bounds: Readonly<Record<string, readonly [ColumnKind, number, number]>> = {
  string: ['text', 0, 0],
  boolean: ['boolean', 0, 0],
  int: ['integer', -(2 ** 31), 2 ** 31 - 1],
  long: ['integer', -mostLong, mostLong],
  float: ['number', -3.4028234663852886e38, 3.4028234663852886e38],
  double: ['number', -Number.MAX_VALUE, Number.MAX_VALUE],
}

/**
 * The columns of a schema in its order, without fields of unsupported types, which `schemaProblems` lists.
 */
export const columnsOf = (record: AvroRecord): readonly ColumnInfo[] =>
  record.fields.map(columnOf).filter((column) => column !== undefined)

/** The problems of a schema, each with its field. */
export function schemaProblems(record: AvroRecord): readonly string[] {
  const names = record.fields.map((field) => field.name)
  return [
    ...record.fields
      .filter((field) => columnOf(field) === undefined)
      .map(
        (field) =>
          `schema field ${field.name}: type ${JSON.stringify(field.type)} is not supported; use string, ` +
          'enum, boolean, int, long, float, double or timestamp-millis, or a union of one with null',
      ),
    ...names
      .filter((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      .map((name) => `schema field ${JSON.stringify(name)}: not a name`),
    // Every object inherits these, so an event without them would seem to have them.
    ...names
      .filter((name) => name in Object.prototype)
      .map((name) => `schema field ${name}: JavaScript reserves the name`),
    ...record.fields.flatMap(defaultProblem),
    ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => `schema field ${name}: appears twice`),
  ]
}

/**
 * An event gets the default unchanged, so it must be a value that the field accepts from a producer. In a union it has
 * the first type.
 */
function defaultProblem(field: AvroField): readonly string[] {
  const column = columnOf(field)
  if (column?.fallback === undefined) return []
  const nullFirst = field.type === 'null' || (Array.isArray(field.type) && field.type[0] === 'null')
  const fits = nullFirst ? column.fallback === null : holds(column, column.fallback)
  return fits
    ? []
    : [
        `schema field ${field.name}: the default ${JSON.stringify(column.fallback)} is not ` +
          (nullFirst ? 'null, the first type of its union' : 'a value that the field accepts'),
      ]
}

function holds({ kind, symbols, minimum, maximum }: ColumnInfo, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string'
    case 'enum':
      return symbols.includes(value as string)
    case 'boolean':
      return typeof value === 'boolean'
    default:
      return (
        typeof value === 'number' &&
        value >= minimum &&
        value <= maximum &&
        (kind === 'number' || Number.isInteger(value))
      )
  }
}

/** A list for error messages: `'a', 'b'`. */
export const listed = (names: Iterable<string>): string => [...names].map((one) => `'${one}'`).join(', ')

export const unknownColumn = (where: string, column: string, columns: ReadonlyMap<string, ColumnInfo>): string =>
  `${where}: the schema has no column '${column}'; its columns are ${listed(columns.keys())}`

function columnOf(field: AvroField): ColumnInfo | undefined {
  const union = Array.isArray(field.type) ? (field.type as unknown[]) : [field.type]
  const types = union.filter((type) => type !== 'null')
  if (types.length !== 1) return undefined
  const kind = kindOf(types[0])
  if (kind === undefined) return undefined
  const rounded = (value: number): number => (kind.isSingle ? Math.fround(value) : value)
  const fallback = field.default as ColumnInfo['fallback']
  return {
    name: field.name,
    ...kind,
    nullable: union.length > 1,
    fallback: typeof fallback === 'number' ? rounded(fallback) : fallback,
    minimum: Math.max(kind.minimum, rounded(field.minimum ?? -Infinity)),
    maximum: Math.min(kind.maximum, rounded(field.maximum ?? Infinity)),
  }
}

type Kind = Pick<ColumnInfo, 'kind' | 'symbols' | 'otherSymbols' | 'isSingle' | 'minimum' | 'maximum'>

function kindOf(type: unknown): Kind | undefined {
  const {
    type: name,
    logicalType,
    symbols,
    default: otherSymbols,
  } = (typeof type === 'string' ? { type } : (type ?? {})) as Readonly<Record<string, unknown>>
  const none = { symbols: [], otherSymbols: undefined, isSingle: name === 'float' }
  if (name === 'enum' && Array.isArray(symbols))
    return {
      ...none,
      kind: 'enum',
      symbols: symbols as string[],
      otherSymbols: typeof otherSymbols === 'string' ? otherSymbols : undefined,
      minimum: 0,
      maximum: 0,
    }
  const found = typeof name === 'string' ? bounds[name] : undefined
  if (found === undefined) return undefined
  const [kind, minimum, maximum] = found
  if (name !== 'long' || logicalType === undefined) return { ...none, kind, minimum, maximum }
  return logicalType === 'timestamp-millis' ? { ...none, kind: 'time', minimum, maximum } : undefined
}
