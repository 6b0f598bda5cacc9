import { compileFunction } from 'node:vm'
import { EngineError } from '../../base/errors.js'
import { shown } from '../../base/shown.js'
import type { Event } from '../../features/feature.js'
import type { ColumnInfo } from '../schema/schema.js'
import { isoTime } from './iso-time.js'

/**
 * Converts parsed JSON or a decoded Avro datum to an event. Throws BAD_FIELD with the column, the found and the
 * expected value.
 */
export type Reader = (fields: Readonly<Record<string, unknown>>) => Event

const idLength = 256
/** Control characters separate the parts of keys. Half a surrogate pair has no UTF-8, so it would equal others. */
const unfitForId = /[\p{Cc}\p{Cs}]/u

/**
 * Compiles the reader of a schema: one or two comparisons per column and one object literal, so that all events of a
 * stream share a hidden class. A value that passes the comparison is one that `converted` would return unchanged; all
 * others (defaults, ISO times, errors) go to `converted`. The names in the code come from a checked schema.
 */
export function compileReader(columns: readonly ColumnInfo[], ids: ReadonlySet<string>): Reader {
  const reads = columns.map(
    (column, at) =>
      `let v${at} = fields.${column.name}; if (${plainly(column, at, ids.has(column.name))}) ${single(column, at)}` +
      `else v${at} = converted(columns[${at}], v${at}, ids);`,
  )
  const body =
    `return function read(fields) {\n${reads.join('\n')}\nreturn { ` +
    `${columns.map((column, at) => `${column.name}: v${at}`).join(', ')} }\n}`
  const compiled = compileFunction(body, ['columns', 'ids', 'converted', 'unfitForId', 'symbols']) as (
    ...parts: unknown[]
  ) => Reader
  return compiled(
    columns,
    ids,
    converted,
    unfitForId,
    columns.map((column) => new Set(column.symbols)),
  )
}

/** A `float` column has the same value from every format: the nearest float32. */
const single = (column: ColumnInfo, at: number): string =>
  column.isSingle ? `{ if (v${at} !== null) v${at} = Math.fround(v${at}) }` : '{}'

function plainly(column: ColumnInfo, at: number, id: boolean): string {
  const value = `v${at}`
  const number = column.isSingle ? `Math.fround(${value})` : value
  const tests = {
    text: id
      ? `typeof ${value} === 'string' && ${value}.length > 0 && ${value}.length <= ${idLength} && ` +
        `!unfitForId.test(${value})`
      : `typeof ${value} === 'string' && ${value}.isWellFormed()`,
    enum: `symbols[${at}].has(${value})`,
    boolean: `typeof ${value} === 'boolean'`,
    integer: `Number.isInteger(${value}) && ${value} >= ${column.minimum} && ${value} <= ${column.maximum}`,
    time: `Number.isInteger(${value}) && ${value} >= ${column.minimum} && ${value} <= ${column.maximum}`,
    number: `typeof ${value} === 'number' && ${number} >= ${column.minimum} && ${number} <= ${column.maximum}`,
  }
  return column.nullable ? `${value} === null || ${tests[column.kind]}` : tests[column.kind]
}

function converted(column: ColumnInfo, found: unknown, ids: ReadonlySet<string>): unknown {
  if (found === undefined) {
    if (column.fallback !== undefined) return column.fallback
    throw badField(column, 'is missing', ids)
  }
  if (column.kind === 'enum' && typeof found === 'string' && column.otherSymbols !== undefined)
    return column.otherSymbols
  if (column.kind === 'text' && typeof found === 'string' && /\p{Cs}/u.test(found))
    throw badField(column, `found ${shown(found)}, with half of a surrogate pair, which has no UTF-8`, ids)
  if (column.kind !== 'time' || typeof found !== 'string') throw badField(column, `found ${shown(found)}`, ids)
  const time = isoTime(found)
  if (typeof time === 'number') return time
  throw badField(column, `found ${shown(found)}${time === '' ? '' : `: ${time}`}`, ids)
}

const badField = (column: ColumnInfo, what: string, ids: ReadonlySet<string>): EngineError =>
  new EngineError(
    'BAD_FIELD',
    `field '${column.name}' ${what}; expected ` +
      `${expected(column, ids.has(column.name))}${column.nullable ? ' or null' : ''}`,
    { field: column.name },
  )

function expected(column: ColumnInfo, id: boolean): string {
  switch (column.kind) {
    case 'text':
      return id ? `an id: 1 to ${idLength} characters, no control characters` : 'text'
    case 'enum':
      return `one of ${column.symbols.map((symbol) => `"${symbol}"`).join(', ')}`
    case 'boolean':
      return 'true or false'
    case 'integer':
      return `a whole number from ${column.minimum} to ${column.maximum}`
    case 'time':
      return 'a time: epoch milliseconds, or ISO 8601 with a zone'
    case 'number':
      return Number.isFinite(column.minimum) && column.maximum < 1e30
        ? `a number from ${column.minimum} to ${column.maximum}`
        : 'a finite number'
  }
}
