import { compileFunction } from 'node:vm'
import { EngineError } from '../../base/errors.js'
import { AvroInput } from './avro-input.js'
import { avroNode, shortName, typeText, type AvroFieldNode, type AvroNode, type AvroRecordNode } from './avro-node.js'

/** Reads the datum that begins at `from` and ends with the bytes. Throws BAD_AVRO, SCHEMA_MISMATCH. */
export type ReadDatum = (bytes: Buffer, from: number) => Readonly<Record<string, unknown>>

/** Why no event of a writer's schema can be read, with the field if one causes it. */
export interface Mismatch {
  readonly why: string
  readonly field?: string
}

/** A stream's schema as the schema that writers' schemas are resolved to. */
export interface ReaderSchema {
  readonly record: AvroRecordNode
  /** Fields with a default, which writers may lack. */
  readonly optional: ReadonlySet<string>
}

/** Throws an Error for a schema that is not a record in valid Avro. */
export function readerSchema(schema: {
  readonly fields: readonly { readonly name: string; readonly default?: unknown }[]
}) {
  const record = avroNode(schema)
  if (record.kind !== 'record') throw new Error('it is not a record')
  const optional = schema.fields.filter((field) => field.default !== undefined).map(({ name }) => name)
  return { record, optional: new Set(optional) } satisfies ReaderSchema
}

/**
 * Resolves a writer's schema to a stream's, as the Avro specification says ("Schema Resolution"), value by value: a
 * branch of a union that cannot be read is an error of the records that have it, not of the schema. Units of logical
 * types are converted. The names in the code are fields of the stream's checked schema.
 *
 * Values are not checked: what is null, or no symbol of the stream's enum, is for the reader of events.
 */
export function resolve(reader: ReaderSchema, writer: AvroNode, which: string): ReadDatum | Mismatch {
  if (writer.kind === 'union') return resolveUnion(reader, writer.branches, which)
  if (writer.kind !== 'record') return { why: `it is ${typeText(writer)}, not a record` }
  if (!sameName(reader.record, writer))
    return { why: `it is record ${writer.name}, and the stream's is ${reader.record.name}` }
  const parts: Parts = { nodes: [], symbols: [], refusals: [], which }
  const lines: string[] = []
  const columns = new Map<AvroFieldNode, AvroFieldNode>()
  for (const column of reader.record.fields) {
    const written = writtenAs(column, writer)
    if (written !== undefined) columns.set(written, column)
    else if (!reader.optional.has(column.name))
      return {
        field: column.name,
        why: `it has no field '${column.name}', and the stream's schema has no default for it`,
      }
  }
  for (const [at, field] of writer.fields.entries()) {
    const column = columns.get(field)
    if (column === undefined) {
      lines.push(`input.skip(nodes[${parts.nodes.push(field.of) - 1}])`)
      continue
    }
    const value = reading(column, field.of, parts)
    if (value === undefined) return unreadable(column, field)
    lines.push(`const v${at} = ${value}`)
  }
  const values = [...columns].map(([field, { name }]) => `${name}: v${writer.fields.indexOf(field)}`)
  return readerOf(`let k\n${lines.join('\n')}\nreturn { ${values.join(', ')} }`, parts)
}

/** A topic may hold events of several types: only records of the stream's own can be read. */
function resolveUnion(reader: ReaderSchema, branches: readonly AvroNode[], which: string): ReadDatum | Mismatch {
  const reads = branches.map((branch) => resolve(reader, branch, which))
  if (!reads.some((read) => typeof read === 'function'))
    return { why: `it is a union, and ${(reads as readonly Mismatch[]).map(({ why }) => why).join('; ')}` }
  return (bytes, from) => {
    input.open(bytes, from)
    const read = reads[input.index(reads.length, 'branch')]!
    if (typeof read === 'function') return read(bytes, input.at)
    throw new EngineError('SCHEMA_MISMATCH', `${which}: this record cannot be read as the stream's schema: ${read.why}`)
  }
}

const sameName = (
  reader: { readonly name: string; readonly aliases: readonly string[] },
  writer: { readonly name: string },
): boolean => [reader.name, ...reader.aliases].some((name) => shortName(name) === shortName(writer.name))

const writtenAs = ({ name, aliases }: AvroFieldNode, writer: AvroRecordNode): AvroFieldNode | undefined =>
  [name, ...aliases].map((one) => writer.fields.find((field) => field.name === one)).find((one) => one !== undefined)

const unreadable = (column: AvroFieldNode, { name, of }: AvroFieldNode): Mismatch => ({
  field: column.name,
  why: `its field '${name}' is ${typeText(of)}, which cannot be read as ${typeText(column.of)}${hint(of)}`,
})

/** What the generated code refers to by number. */
interface Parts {
  readonly nodes: AvroNode[]
  readonly symbols: (readonly string[])[]
  readonly refusals: (() => never)[]
  readonly which: string
}

/** One input for all data: reading is synchronous. */
const input = new AvroInput()

function readerOf(body: string, { nodes, symbols, refusals }: Parts): ReadDatum {
  const run = compileFunction(body, ['input', 'nodes', 'symbols', 'refusals']) as (
    ...parts: readonly unknown[]
  ) => Readonly<Record<string, unknown>>
  return (bytes, from) => {
    input.open(bytes, from)
    const fields = run(input, nodes, symbols, refusals)
    input.end()
    return fields
  }
}

/** Code that reads a value; undefined where the column can take no value of the writer's type. */
function reading(column: AvroFieldNode, writer: AvroNode, parts: Parts): string | undefined {
  const types = column.of.kind === 'union' ? column.of.branches : [column.of]
  if (writer.kind === 'union') return readingUnion(column, writer.branches, parts)
  const values = types.map((type) => valueOf(column.name, type, writer, parts))
  return values.find((value) => value !== undefined)
}

/** A null where the column takes none is read, so that the reader of events refuses it as it does in JSON. */
function readingUnion(column: AvroFieldNode, branches: readonly AvroNode[], parts: Parts): string | undefined {
  const values = branches.map((branch) => reading(column, branch, parts))
  if (values.every((value) => value === undefined)) return undefined
  const codes = values.map((value, at) => {
    const branch = branches[at]!
    return value ?? (branch.kind === 'null' ? 'null' : refusal(column, branch, parts))
  })
  const index = `(k = input.index(${branches.length}, 'branch'))`
  if (codes.length === 1) return `(${index}, ${codes[0]!})`
  const [first, ...others] = codes
  const last = others.pop()!
  const between = others.map((code, at) => `k === ${at + 1} ? ${code} : `).join('')
  return `(${index} === 0 ? ${first!} : ${between}${last})`
}

function refusal(column: AvroFieldNode, branch: AvroNode, { refusals, which }: Parts): string {
  const refuse = (): never => {
    throw new EngineError(
      'SCHEMA_MISMATCH',
      `${which}: in this record, field '${column.name}' is ${typeText(branch)}, which cannot be read as ` +
        `${typeText(column.of)}${hint(branch)}`,
      { field: column.name },
    )
  }
  return `refusals[${refusals.push(refuse) - 1}]()`
}

/** The types that Avro promotes to each type. Bytes become text only where they are UTF-8, and no number. */
const promoted: Readonly<Record<string, readonly string[]>> = {
  boolean: ['boolean'],
  int: ['int'],
  long: ['int', 'long'],
  float: ['int', 'long', 'float'],
  double: ['int', 'long', 'float', 'double'],
  string: ['string', 'bytes'],
  null: ['null'],
}

function valueOf(name: string, reader: AvroNode, writer: AvroNode, parts: Parts): string | undefined {
  const logical = writer.logical?.name
  if (reader.kind === 'enum')
    return writer.kind === 'enum' && sameName(reader, writer) ? symbolOf(writer.symbols, parts) : undefined
  if (reader.logical?.name === 'timestamp-millis') return timeOf(writer)
  if (isNumber(reader) && logical === 'decimal') return decimalOf(writer)
  if (!promoted[reader.kind]?.includes(writer.kind)) return undefined
  if (unlike(reader, writer)) return undefined
  switch (writer.kind) {
    case 'null':
      return 'null'
    case 'string':
    case 'bytes':
      return `input.text('${name}')`
    case 'long':
      return reader.kind === 'long' ? 'input.long()' : 'Number(input.long())'
    default:
      return `input.${writer.kind}()`
  }
}

const isNumber = ({ kind }: AvroNode): boolean => kind === 'float' || kind === 'double'

/** Whether both sides have logical types of different meaning, or bytes are no text at all. */
function unlike(reader: AvroNode, writer: AvroNode): boolean {
  const [wanted, given] = [reader.logical?.name, writer.logical?.name]
  if (writer.kind === 'bytes') return given === 'decimal' || given === 'big-decimal'
  return wanted !== undefined && given !== undefined && wanted !== given && isUnit(wanted) && isUnit(given)
}

const isUnit = (logical: string): boolean => /^(date|time-|timestamp-|local-timestamp-)/.test(logical)

const symbolOf = (symbols: readonly string[], parts: Parts): string =>
  `symbols[${parts.symbols.push(symbols) - 1}][input.index(${symbols.length}, 'symbol')]`

const perMillisecond: Readonly<Record<string, number>> = { 'timestamp-micros': 1_000, 'timestamp-nanos': 1_000_000 }
const dayMs = 86_400_000

/** Epoch milliseconds. A date is its midnight in UTC. A time of day and a time without a zone are no points in time. */
function timeOf({ kind, logical }: AvroNode): string | undefined {
  if (kind !== 'int' && kind !== 'long') return undefined
  const name = logical?.name ?? ''
  if (kind === 'int' && name === 'date') return `input.int() * ${dayMs}`
  const units = kind === 'long' ? perMillisecond[name] : undefined
  if (units !== undefined) return `input.longIn(${units})`
  if (isUnit(name) && name !== 'timestamp-millis' && isValid(kind, name)) return undefined
  return `input.${kind}()`
}

/** Avro ignores a logical type on a wrong type, such as `timestamp-micros` on an int. */
const isValid = (kind: 'int' | 'long', logical: string): boolean =>
  (kind === 'int') === (logical === 'date' || logical === 'time-millis')

function decimalOf(writer: AvroNode): string | undefined {
  if (writer.kind === 'bytes') return `input.decimal(${writer.logical!.scale})`
  return writer.kind === 'fixed' ? `input.decimal(${writer.logical!.scale}, ${writer.size})` : undefined
}

/** What to write instead of a logical type that names no point in time. */
function hint(writer: AvroNode): string {
  const names = (writer.kind === 'union' ? writer.branches : [writer]).map(({ logical }) => logical?.name ?? '')
  if (names.some((name) => name.startsWith('local-timestamp-')))
    return '; a local timestamp has no zone, so it is no point in time: write a timestamp'
  return names.some((name) => name.startsWith('time-')) ? '; a time of day is no point in time: write a timestamp' : ''
}
