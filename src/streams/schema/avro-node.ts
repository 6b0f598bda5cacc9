/** An Avro schema as a graph: names are resolved, and everything that does not change how bytes are read is dropped. */
export type AvroNode =
  | { readonly kind: Primitive; readonly logical: Logical | undefined }
  | {
      readonly kind: 'fixed'
      readonly name: string
      readonly aliases: readonly string[]
      readonly size: number
      readonly logical: Logical | undefined
    }
  | {
      readonly kind: 'enum'
      readonly name: string
      readonly aliases: readonly string[]
      readonly symbols: readonly string[]
      readonly logical: Logical | undefined
    }
  | { readonly kind: 'array' | 'map'; readonly of: AvroNode; readonly logical: Logical | undefined }
  | { readonly kind: 'union'; readonly branches: readonly AvroNode[]; readonly logical: undefined }
  | AvroRecordNode

export interface AvroRecordNode {
  readonly kind: 'record'
  readonly name: string
  readonly aliases: readonly string[]
  readonly fields: readonly AvroFieldNode[]
  readonly logical: Logical | undefined
}

export interface AvroFieldNode {
  readonly name: string
  readonly aliases: readonly string[]
  readonly of: AvroNode
}

const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const
export type Primitive = (typeof primitives)[number]

export interface Logical {
  readonly name: string
  /** Of a decimal. */
  readonly scale: number
}

/** Deeper schemas than this are refused: no real one comes near, and reading is recursive. */
const deepest = 200

/**
 * Parses a schema, after those that it refers to. Defaults are not looked at: a writer's default changes nothing in its
 * bytes. Throws an Error that says what is wrong and where.
 */
export function avroNode(schema: unknown, references: readonly unknown[] = []): AvroNode {
  const named = new Map<string, AvroNode>()
  for (const reference of references) parse(reference, '', named, 0)
  return parse(schema, '', named, 0)
}

type Names = Map<string, AvroNode>
type Json = Readonly<Record<string, unknown>>

function parse(schema: unknown, namespace: string, named: Names, depth: number): AvroNode {
  if (depth > deepest) throw new Error(`the schema is nested deeper than ${deepest} levels`)
  if (typeof schema === 'string') return primitiveOf(schema, undefined) ?? knownOf(schema, namespace, named)
  if (Array.isArray(schema))
    return {
      kind: 'union',
      branches: schema.map((branch) => parse(branch, namespace, named, depth + 1)),
      logical: undefined,
    }
  if (typeof schema !== 'object' || schema === null) throw new Error('a type must be a name, a list or an object')
  const json = schema as Json
  const { type } = json
  if (typeof type !== 'string') return parse(type, namespace, named, depth + 1)
  const logical = logicalOf(json)
  switch (type) {
    case 'array':
      return { kind: 'array', of: parse(json['items'], namespace, named, depth + 1), logical }
    case 'map':
      return { kind: 'map', of: parse(json['values'], namespace, named, depth + 1), logical }
    case 'record':
    case 'error':
      return recordOf(json, namespace, named, depth)
    case 'enum':
    case 'fixed': {
      const name = nameOf(json, namespace)
      return define(name, named, { ...namedOf(json, type), name, logical, aliases: aliasesOf(json) })
    }
    default:
      return primitiveOf(type, logical) ?? knownOf(type, namespace, named)
  }
}

const namedOf = (json: Json, kind: 'enum' | 'fixed') =>
  kind === 'enum'
    ? { kind, symbols: listOf(json, 'symbols').map((symbol) => String(symbol)) }
    : { kind, size: sizeOf(json) }

function recordOf(json: Json, namespace: string, named: Names, depth: number): AvroNode {
  const name = nameOf(json, namespace)
  const inside = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : ''
  const fields: AvroFieldNode[] = []
  const record = define(name, named, { kind: 'record', name, aliases: aliasesOf(json), fields, logical: undefined })
  for (const field of listOf(json, 'fields') as readonly Json[]) {
    const { name: column, type } = field
    if (typeof column !== 'string') throw new Error(`a field of ${name} has no name`)
    fields.push({ name: column, aliases: aliasesOf(field), of: parse(type, inside, named, depth + 1) })
  }
  return record
}

function define(name: string, named: Names, node: AvroNode): AvroNode {
  if (named.has(name)) throw new Error(`type ${name} is defined twice`)
  named.set(name, node)
  return node
}

const primitiveOf = (name: string, logical: Logical | undefined): AvroNode | undefined => {
  const kind = primitives.find((one) => one === name)
  return kind === undefined ? undefined : { kind, logical }
}

function knownOf(name: string, namespace: string, named: Names): AvroNode {
  const known = named.get(fullName(name, namespace)) ?? named.get(name)
  if (known === undefined) throw new Error(`type ${name.slice(0, 200)} is not defined`)
  return known
}

const fullName = (name: string, namespace: string): string =>
  name.includes('.') || namespace === '' ? name : `${namespace}.${name}`

function nameOf(json: Json, namespace: string): string {
  const { name } = json
  if (typeof name !== 'string' || name === '') throw new Error(`a ${String(json['type'])} has no name`)
  const own = json['namespace']
  return fullName(name, typeof own === 'string' ? own : namespace)
}

/** The name without its namespace, as schema resolution compares names. */
export const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

const aliasesOf = (json: Json): readonly string[] =>
  Array.isArray(json['aliases']) ? json['aliases'].filter((alias) => typeof alias === 'string') : []

function listOf(json: Json, name: string): readonly unknown[] {
  const list = json[name]
  if (!Array.isArray(list)) throw new Error(`${String(json['type'])} ${String(json['name'])} has no list of ${name}`)
  return list
}

function sizeOf({ name, size }: Json): number {
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw new Error(`fixed ${String(name)} has no size`)
  return size as number
}

function logicalOf({ logicalType, scale, precision }: Json): Logical | undefined {
  if (typeof logicalType !== 'string') return undefined
  // A decimal without a precision, or with an impossible scale, is no decimal: Avro ignores such a logical type.
  const isDecimal =
    Number.isInteger(precision) && (scale === undefined || (Number.isInteger(scale) && Number(scale) >= 0))
  if (logicalType === 'decimal' && !isDecimal) return undefined
  return { name: logicalType, scale: typeof scale === 'number' ? scale : 0 }
}

/** A type for a message: `"long" (timestamp-micros)`. */
export function typeText(node: AvroNode, depth = 0): string {
  const logical = node.logical === undefined ? '' : ` (${node.logical.name})`
  switch (node.kind) {
    case 'union':
      return `[${node.branches.map((branch) => (depth > 2 ? '...' : typeText(branch, depth + 1))).join(', ')}]`
    case 'array':
    case 'map':
      return `${node.kind} of ${depth > 2 ? '...' : typeText(node.of, depth + 1)}${logical}`
    case 'enum':
    case 'fixed':
    case 'record':
      return `${node.kind} ${node.name}${logical}`
    default:
      return `"${node.kind}"${logical}`
  }
}
