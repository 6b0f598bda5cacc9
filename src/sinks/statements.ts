import { literal } from './literal.js'

/**
 * Statements about the tables of the warehouse, as SELECTs over ClickHouse's tables about tables. The text of a person
 * is only ever a literal in them.
 */
const ofThisDatabase = 'database = currentDatabase()'
const noPatterns = "name NOT LIKE '.inner%'"

/** A name, bare, in backquotes or in double quotes. */
const name = '(?:`([^`]+)`|"([^"]+)"|([A-Za-z_][A-Za-z0-9_]*))'
const like = `(?:\\s+(?:LIKE|ILIKE)\\s+'([^']*)')?`

type Rewrite = (name: string, pattern: string | undefined) => string

const columnsOf: Rewrite = (table) =>
  'SELECT name, type, default_expression, comment FROM system.columns ' +
  `WHERE ${ofThisDatabase} AND table = ${literal(table)} ORDER BY position`

const tablesLike =
  (condition: string): Rewrite =>
  (_, pattern) =>
    `SELECT name, engine, total_rows AS rows, total_bytes AS bytes, comment FROM system.tables ` +
    `WHERE ${ofThisDatabase} AND ${noPatterns}${condition}` +
    `${pattern === undefined ? '' : ` AND name ILIKE ${literal(pattern)}`} ORDER BY name`

const rewrites: readonly (readonly [RegExp, Rewrite])[] = [
  [new RegExp(`^SHOW\\s+TABLES${like}$`, 'i'), tablesLike('')],
  [new RegExp(`^SHOW\\s+VIEWS${like}$`, 'i'), tablesLike(" AND engine = 'View'")],
  [new RegExp(`^(?:DESC|DESCRIBE)\\s+(?:TABLE\\s+)?${name}$`, 'i'), columnsOf],
  [new RegExp(`^SHOW\\s+COLUMNS\\s+(?:FROM|IN)\\s+${name}$`, 'i'), columnsOf],
  [
    new RegExp(`^SHOW\\s+CREATE\\s+(?:(?:TABLE|VIEW)\\s+)?${name}$`, 'i'),
    (table) =>
      'SELECT create_table_query AS statement FROM system.tables ' +
      `WHERE ${ofThisDatabase} AND name = ${literal(table)}`,
  ],
  [
    new RegExp(`^EXISTS\\s+(?:(?:TABLE|VIEW)\\s+)?${name}$`, 'i'),
    (table) =>
      `SELECT toUInt8(count() > 0) AS result FROM system.tables WHERE ${ofThisDatabase} AND name = ${literal(table)}`,
  ],
]

/** The SELECT that answers a SHOW, DESCRIBE or EXISTS of one table or of all; undefined for any other statement. */
export function aboutTables(sql: string): string | undefined {
  const statement = sql.trim()
  for (const [form, rewrite] of rewrites) {
    const found = form.exec(statement)
    if (found === null) continue
    const words = found.slice(1)
    const isOfAll = words.length < 3
    return rewrite(words.find((word) => word !== undefined) ?? '', isOfAll ? words[0] : undefined)
  }
  return undefined
}

const explain = /^(\s*EXPLAIN(?:\s+(PLAN|PIPELINE|SYNTAX|AST|ESTIMATE|QUERY\s+TREE))?\s+)(?=SELECT|WITH)/i

/**
 * The kind of an EXPLAIN and its SELECT; undefined for any other statement. Spaces replace the words before the SELECT,
 * so that a position in it is the one that the person typed.
 */
export function explained(sql: string): { readonly kind: string; readonly select: string } | undefined {
  const found = explain.exec(sql)
  if (found === null) return undefined
  const words = found[1]!
  return { kind: found[2]?.toUpperCase() ?? 'PLAN', select: words.replace(/\S/g, ' ') + sql.slice(words.length) }
}
