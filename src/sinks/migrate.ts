import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError } from '../base/errors.js'
import { describeTables } from './data-dictionary.js'
import type { Warehouse } from './warehouse.js'

export interface MigrateOptions {
  /**
   * How long predictions, outcomes, raw events and dead letters are kept. When absent, a table keeps its present
   * retention, and a new table gets 90 days.
   */
  readonly retentionDays?: number
  /** Directory of the numbered .sql files; the package's own when absent. */
  readonly directory?: string
}

interface Migration {
  readonly version: number
  readonly name: string
  readonly checksum: string
  readonly steps: readonly Step[]
}

/** Statements that run in order; with `each`, once for every row of that query. */
interface Step {
  readonly each?: string
  readonly statements: readonly string[]
}

/** The package's root is two folders above both src/sinks and dist/sinks. */
const packagedDirectory = fileURLToPath(new URL('../../src/sinks/migrations/', import.meta.url))

/** Tables that grow with time. */
const expiring = ['predictions', 'outcomes', 'events', 'dead_letters'] as const

const defaultRetentionDays = 90

/**
 * Applies this build's migrations to the warehouse, in order and each one once. Must be called before any other use of
 * the warehouse. After a crash the next call repeats the interrupted migration: every statement may run again. Throws
 * STATE_MISMATCH when an applied migration has changed since or is unknown to this build.
 */
export async function migrate(
  warehouse: Warehouse,
  { retentionDays, directory = packagedDirectory }: MigrateOptions = {},
): Promise<void> {
  await warehouse.run(
    'CREATE TABLE IF NOT EXISTS schema_migrations (version UInt32, name String, checksum String, applied_at ' +
      "DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = ReplacingMergeTree ORDER BY version",
  )
  const rows = await appliedIn(warehouse)
  const applied = new Map(rows.map((row) => [row.version, row]))
  const known = await readMigrations(directory)
  for (const { version, name } of rows)
    if (!known.some((one) => one.version === version))
      throw new EngineError(
        'STATE_MISMATCH',
        `the warehouse has migration ${name}, which this build does not know: a newer build applied it. ` +
          'Start the newer build, or use another data directory.',
      )
  for (const migration of known)
    await apply(warehouse, migration, applied.get(migration.version)?.checksum, retentionDays ?? defaultRetentionDays)
  for (const table of expiring) await keepFor(warehouse, table, retentionDays)
  await describeTables(warehouse)
}

/** The state of the warehouse's tables, by names of migrations. */
export interface MigrationState {
  readonly applied: readonly string[]
  /** Migrations that the next start of this build applies. */
  readonly pending: readonly string[]
  /** Migrations of a newer build. */
  readonly unknown: readonly string[]
  /** Migrations whose content changed after they were applied. */
  readonly changed: readonly string[]
}

/** Reads the state of the migrations; changes nothing. */
export async function migrationState(warehouse: Warehouse, directory = packagedDirectory): Promise<MigrationState> {
  const [there] = await warehouse.query(
    "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'",
  )
  const rows = there === undefined ? [] : await appliedIn(warehouse)
  const known = await readMigrations(directory)
  const before = new Map(rows.map((row) => [row.version, row.checksum]))
  return {
    applied: rows.map(({ name }) => name),
    pending: known.filter(({ version }) => !before.has(version)).map(({ name }) => name),
    unknown: rows.filter(({ version }) => version > known.length).map(({ name }) => name),
    changed: known
      .filter(({ version, checksum }) => before.has(version) && before.get(version) !== checksum)
      .map(({ name }) => name),
  }
}

const appliedIn = (
  warehouse: Warehouse,
): Promise<readonly { readonly version: number; readonly name: string; readonly checksum: string }[]> =>
  warehouse.query('SELECT version, name, checksum FROM schema_migrations FINAL ORDER BY version')

async function apply(
  warehouse: Warehouse,
  { version, name, checksum, steps }: Migration,
  before: string | undefined,
  retentionDays: number,
): Promise<void> {
  if (before === checksum) return
  if (before !== undefined)
    throw new EngineError(
      'STATE_MISMATCH',
      `the content of migration ${name} changed after it was applied (${before.slice(0, 12)}, now ` +
        `${checksum.slice(0, 12)}); undo the change and add a new migration instead`,
    )
  for (const { each, statements } of steps)
    for (const row of each === undefined ? [{}] : await warehouse.query<Readonly<Record<string, string>>>(each))
      for (const statement of statements) await warehouse.run(filledIn(statement, { ...row, retentionDays }))
  await warehouse.run(
    'INSERT INTO schema_migrations (version, name, checksum) SELECT {version: UInt32}, {name: String}, ' +
      '{checksum: String}',
    { version, name, checksum },
  )
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name, index) => {
      const version = Number(/^(\d{4})_/.exec(name)?.[1])
      if (version !== index + 1)
        throw new EngineError(
          'BAD_CONFIG',
          `${name} in ${directory} should have number ${index + 1}: migrations are numbered from 0001_name.sql ` +
            'without gaps',
        )
      const sql = await readFile(join(directory, name), 'utf8')
      return { version, name, checksum: createHash('sha256').update(sql).digest('hex'), steps: stepsOf(sql) }
    }),
  )
}

/** Everything between the lines `-- for each: <query>` and `-- end` is one step. */
const stepsOf = (sql: string): readonly Step[] =>
  sql.split(/^(?=-- for each: )|^-- end\n/m).map((part) => {
    const each = /^-- for each: (.*)\n/.exec(part)?.[1]
    return { ...(each === undefined ? {} : { each }), statements: statementsOf(part) }
  })

/** Writes the values of a row into a statement, where it names them: `$partition_id`. */
const filledIn = (statement: string, values: Readonly<Record<string, string | number>>): string =>
  statement.replace(/\$(\w+)/g, (_, name: string) => {
    const value = String(values[name])
    if (!/^[\w-]+$/.test(value)) throw new EngineError('BAD_CONFIG', `'${value}' cannot stand for $${name} in SQL`)
    return value
  })

/** A statement ends with a semicolon at the end of a line. */
const statementsOf = (sql: string): readonly string[] =>
  sql
    .replace(/^--.*\n/gm, '')
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

/** Sets the retention of a table. `days` undefined: leaves the present one, if the table has one. */
async function keepFor(
  warehouse: Warehouse,
  table: (typeof expiring)[number],
  days: number | undefined,
): Promise<void> {
  const [row] = await warehouse.query<{ create_table_query: string }>(
    'SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {table: String}',
    { table },
  )
  const present = /\bTTL\b.*\btoIntervalDay\((\d+)\)/.exec(row?.create_table_query ?? '')?.[1]
  const wanted = days ?? (present === undefined ? defaultRetentionDays : Number(present))
  if (present === String(wanted)) return
  await warehouse.run(`ALTER TABLE ${table} MODIFY TTL toDateTime(written_at) + INTERVAL ${wanted} DAY DELETE`)
}
