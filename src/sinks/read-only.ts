import { EngineError, isEngineError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { parseTree, type Node } from './syntax-tree.js'
import type { Warehouse } from './warehouse.js'

/** Rows by column name, and whether there were more than the limit. */
export interface Selected {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly more: boolean
}

/**
 * Runs a SELECT that a person wrote, over this database's tables and views and some of ClickHouse's system tables.
 * ClickHouse's own parser analyses the text, so that a statement that writes, leaves the database or reads a file of
 * the machine is refused. Throws BAD_REQUEST for any other statement, a failing or a too expensive one; WAREHOUSE_DOWN.
 */
export async function select(warehouse: Warehouse, sql: string, limit: number): Promise<Selected> {
  // The parser's formatted output is one statement, without comments and with balanced brackets ...
  const [formatted] = await asked(() =>
    warehouse.query<{ text: string }>('SELECT formatQuerySingleLine({sql: String}) AS text', {
      sql: sql.trim().replace(/;$/, ''),
    }),
  )
  const { text } = formatted!
  // ... and inside brackets only a SELECT parses.
  const lines = await asked(() =>
    warehouse.query<{ explain: string }>(`SELECT explain FROM (EXPLAIN AST SELECT * FROM (${text}))`),
  )
  refuseForeign(parseTree(lines.map(({ explain }) => explain)))
  const rows = await asked(() => warehouse.query<Record<string, unknown>>(`${text} SETTINGS ${bounds(limit + 1)}`))
  return { rows: rows.slice(0, limit), more: rows.length > limit }
}

/** A JSON number of most readers holds 53 bits, so larger integers and decimals come as text with all their digits. */
const exactNumbers = 'output_format_json_quote_64bit_integers = 1, output_format_json_quote_decimals = 1'

const bounds = (rows: number): string =>
  `limit = ${rows}, readonly = 1, max_execution_time = ${limits.warehouseQueryTimeSeconds}, ` +
  `timeout_overflow_mode = 'throw', max_result_bytes = ${limits.sqlAnswerBytes}, result_overflow_mode = ` +
  `'throw', ${exactNumbers}`

/** ClickHouse's tables about tables; none about users, the machine or the contents of other databases. */
const systemTables = new Set(
  ['columns', 'merges', 'metrics', 'mutations', 'one', 'numbers', 'parts', 'parts_columns', 'tables'].map(
    (name) => `system.${name}`,
  ),
)
/** Table functions that generate rows, and the two that only wrap a SELECT. */
const tableFunctions = new Set([
  'numbers',
  'numbers_mt',
  'zeros',
  'zeros_mt',
  'generate_series',
  'generateseries',
  'values',
  'view',
  'viewexplain',
])
const readsElsewhere = /^(file|joinget\w*|dict\w+|catboostevaluate)$/
const isMembership = /in(ignoreset)?$/i

/** Throws BAD_REQUEST that names the first part of the statement that reads outside the warehouse's tables. */
function refuseForeign(tree: readonly Node[]): void {
  for (const { kind, name, children } of tree) {
    if (kind === 'Set') throw refused('SETTINGS are not allowed')
    if (kind === 'TableIdentifier') refuseTable(name)
    if (kind === 'Function' && readsElsewhere.test(name.toLowerCase()))
      throw refused(`the function ${name} reads outside the warehouse`)
    if (kind === 'Function' && isMembership.test(name)) refuseMembership(children[0]?.children[1])
    const [source] = children
    if (kind === 'TableExpression' && source?.kind === 'Function' && !tableFunctions.has(source.name.toLowerCase()))
      throw refused(`the table function ${source.name} reads outside the warehouse`)
    refuseForeign(children)
  }
}

/** `x IN name` may name a table. */
function refuseMembership(set: Node | undefined): void {
  if (set?.kind === 'Identifier') refuseTable(set.name)
}

function refuseTable(name: string): void {
  if (name.includes('.') && !systemTables.has(name.toLowerCase()))
    throw refused(
      `${name} is not a table of the warehouse; write its tables without a database. Allowed system tables: ` +
        [...systemTables].join(', '),
    )
}

const refused = (why: string): EngineError =>
  new EngineError('BAD_REQUEST', `only a SELECT over the warehouse's own tables and views is allowed: ${why}`)

const takesTooMuch = new Set([
  'TIMEOUT_EXCEEDED',
  'TOO_SLOW',
  'MEMORY_LIMIT_EXCEEDED',
  'TOO_MANY_ROWS_OR_BYTES',
  'TOO_MANY_BYTES',
  'TOO_MANY_ROWS',
])

/** Turns the errors of a too expensive query into BAD_REQUEST: its author must change it, a retry does not help. */
async function asked<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const cause = isEngineError(error) ? error.cause : undefined
    const kind = cause instanceof Error && 'type' in cause ? String(cause.type) : ''
    if (takesTooMuch.has(kind))
      throw new EngineError(
        'BAD_REQUEST',
        `the query takes more than ${limits.warehouseQueryTimeSeconds} s or too much memory (${kind}): ` +
          'restrict it by tenant, stream or written_at',
        { cause: error },
      )
    throw error
  }
}
