import type { AnswerFormat } from '../contracts/predictions.js'
import { EngineError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { statementError } from './sql-errors.js'
import { aboutTables, explained } from './statements.js'
import { parseTree, type Node } from './syntax-tree.js'
import type { OpenWarehouse, Warehouse } from './warehouse.js'

/** Rows by column name, and whether there were more than the limit. */
export interface Selected {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly more: boolean
}

/** ClickHouse's names; text formats have a line of column names. */
const formatNames: Readonly<Record<AnswerFormat, string>> = {
  CSV: 'CSVWithNames',
  TSV: 'TSVWithNames',
  JSONEachRow: 'JSONEachRow',
  Parquet: 'Parquet',
}

/**
 * Runs a statement that a person wrote: a SELECT over this database's tables and views and some of ClickHouse's system
 * tables, an EXPLAIN of one, or SHOW, DESCRIBE and EXISTS of tables. ClickHouse's own parser analyses the text, so that
 * a statement that writes, leaves the database or reads a file of the machine is refused. Throws BAD_REQUEST, with the
 * place in the text, for any other statement, a failing or a too expensive one; WAREHOUSE_DOWN.
 */
export async function select(warehouse: Warehouse, sql: string, limit: number): Promise<Selected> {
  return asked(sql, async () => {
    const { text, settings } = await checked(warehouse, sql)
    const rows = await warehouse.query<Record<string, unknown>>(`${text} SETTINGS limit = ${limit + 1}, ${settings}`)
    return { rows: rows.slice(0, limit), more: rows.length > limit }
  })
}

/** As `select`, but the whole answer as the bytes of a format. More rows than `limit` are BAD_REQUEST. */
export async function answer(
  warehouse: OpenWarehouse,
  sql: string,
  limit: number,
  format: AnswerFormat,
): Promise<Buffer> {
  return asked(sql, async () => {
    const { text, settings } = await checked(warehouse, sql)
    return warehouse.read(`${text} FORMAT ${formatNames[format]} SETTINGS max_result_rows = ${limit}, ${settings}`)
  })
}

interface Checked {
  readonly text: string
  readonly settings: string
}

/** The text that ClickHouse may run for a statement, and the settings that bound it. Throws BAD_REQUEST. */
async function checked(warehouse: Warehouse, sql: string): Promise<Checked> {
  const typed = sql.replace(/\s*;?\s*$/, '')
  const aboutThem = aboutTables(typed)
  if (aboutThem !== undefined) return { text: aboutThem, settings: `readonly = 1, ${bounds}` }
  const explanation = explained(typed)
  const text = await checkedSelect(warehouse, explanation?.select ?? typed)
  // ClickHouse refuses an EXPLAIN in brackets that is read-only. It reads no rows, and its SELECT passed the check.
  return explanation === undefined
    ? { text, settings: `readonly = 1, ${bounds}` }
    : { text: `SELECT * FROM (EXPLAIN ${explanation.kind} ${text})`, settings: bounds }
}

async function checkedSelect(warehouse: Warehouse, sql: string): Promise<string> {
  // The parser's formatted output is one statement, without comments and with balanced brackets ...
  const [formatted] = await warehouse.query<{ text: string }>('SELECT formatQuerySingleLine({sql: String}) AS text', {
    sql,
  })
  const { text } = formatted!
  // ... and inside brackets only a SELECT parses.
  const lines = await warehouse.query<{ explain: string }>(`SELECT explain FROM (EXPLAIN AST SELECT * FROM (${text}))`)
  refuseForeign(parseTree(lines.map(({ explain }) => explain)))
  return text
}

/** A JSON number of most readers holds 53 bits, so larger integers and decimals come as text with all their digits. */
const exactNumbers = 'output_format_json_quote_64bit_integers = 1, output_format_json_quote_decimals = 1'

const bounds =
  `max_execution_time = ${limits.warehouseQueryTimeSeconds}, timeout_overflow_mode = 'throw', ` +
  `max_result_bytes = ${limits.sqlAnswerBytes}, result_overflow_mode = 'throw', ${exactNumbers}`

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
  new EngineError(
    'BAD_REQUEST',
    "only SELECT, EXPLAIN, SHOW, DESCRIBE and EXISTS over the warehouse's own tables and views are allowed: " + why,
  )

async function asked<Result>(sql: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw statementError(error, sql)
  }
}
