import { EngineError, isEngineError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import { parseTree, type Node } from './syntax-tree.js'
import type { Warehouse } from './warehouse.js'

/** Rows by column name, and whether there were more than asked for. */
export interface Selected {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly more: boolean
}

/**
 * Answers a SELECT that a person wrote, over this database's tables and views and some of ClickHouse's own about them.
 * The engine's own parser says what the text is, so that nothing passes that writes, leaves the database or reads a
 * file of the machine. BAD_REQUEST where it is something else, does not run or takes too much; WAREHOUSE_DOWN.
 */
export async function select(warehouse: Warehouse, sql: string, limit: number): Promise<Selected> {
  // What the parser writes down again is one statement, without comments, whose brackets close what they open ...
  const [formatted] = await asked(() =>
    warehouse.query<{ text: string }>('SELECT formatQuerySingleLine({sql: String}) AS text', {
      sql: sql.trim().replace(/;$/, ''),
    }),
  )
  const { text } = formatted!
  // ... and within brackets nothing but a SELECT parses.
  const lines = await asked(() =>
    warehouse.query<{ explain: string }>(`SELECT explain FROM (EXPLAIN AST SELECT * FROM (${text}))`),
  )
  refuseForeign(parseTree(lines.map(({ explain }) => explain)))
  const rows = await asked(() => warehouse.query<Record<string, unknown>>(`${text} SETTINGS ${bounds(limit + 1)}`))
  return { rows: rows.slice(0, limit), more: rows.length > limit }
}

const bounds = (rows: number): string =>
  `limit = ${rows}, readonly = 1, max_execution_time = ${limits.warehouseQueryTimeSeconds}, ` +
  `timeout_overflow_mode = 'throw', max_result_bytes = ${limits.sqlAnswerBytes}, result_overflow_mode = ` +
  `'throw'`

/** What ClickHouse tells of its tables; nothing of users, other databases' contents or the machine. */
const systemTables = new Set(
  ['columns', 'merges', 'metrics', 'mutations', 'one', 'numbers', 'parts', 'parts_columns', 'tables'].map(
    (name) => `system.${name}`,
  ),
)
/** Table functions that make rows of nothing, and the two that only wrap a SELECT. */
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

/** Throws BAD_REQUEST naming the first part of the statement that reaches outside of the warehouse's tables. */
function refuseForeign(tree: readonly Node[]): void {
  for (const { kind, name, children } of tree) {
    if (kind === 'Set') throw refused("SETTINGS are the engine's own here")
    if (kind === 'TableIdentifier') refuseTable(name)
    if (kind === 'Function' && readsElsewhere.test(name.toLowerCase()))
      throw refused(`the function ${name} reads outside of the warehouse`)
    if (kind === 'Function' && isMembership.test(name)) refuseMembership(children[0]?.children[1])
    const [source] = children
    if (kind === 'TableExpression' && source?.kind === 'Function' && !tableFunctions.has(source.name.toLowerCase()))
      throw refused(`the table function ${source.name} reads outside of the warehouse`)
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
      `${name} is not a table of the warehouse; name its tables without a database, ClickHouse's own are ` +
        [...systemTables].join(', '),
    )
}

const refused = (why: string): EngineError =>
  new EngineError('BAD_REQUEST', `only a SELECT over the warehouse's own tables and views is answered: ${why}`)

const takesTooMuch = new Set([
  'TIMEOUT_EXCEEDED',
  'TOO_SLOW',
  'MEMORY_LIMIT_EXCEEDED',
  'TOO_MANY_ROWS_OR_BYTES',
  'TOO_MANY_BYTES',
  'TOO_MANY_ROWS',
])

/** A query that takes too much is its author's to mend: repeating it would not help. */
async function asked<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const cause = isEngineError(error) ? error.cause : undefined
    const kind = cause instanceof Error && 'type' in cause ? String(cause.type) : ''
    if (takesTooMuch.has(kind))
      throw new EngineError(
        'BAD_REQUEST',
        `the query takes more than ${limits.warehouseQueryTimeSeconds} s or too much memory (${kind}): ask ` +
          'for less, by tenant, stream or record_time',
        { cause: error },
      )
    throw error
  }
}
