import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EngineError } from '../base/errors.js'
import type { Warehouse } from './warehouse.js'

export interface MigrateOptions {
  /** How long predictions, outcomes, raw events and dead letters are kept; as the migrations say where absent. */
  readonly retentionDays?: number
  /** Where the numbered .sql files lie; the package's own where absent. */
  readonly directory?: string
}

interface Migration {
  readonly version: number
  readonly name: string
  readonly checksum: string
  readonly statements: readonly string[]
}

/** The package's root is two folders up from src/sinks and from dist/sinks alike. */
const packagedDirectory = fileURLToPath(new URL('../../src/sinks/migrations/', import.meta.url))

/** Tables that grow with time. */
const expiring = ['predictions', 'outcomes', 'events', 'dead_letters'] as const

/**
 * Brings the warehouse's tables up to this build, in order, each migration once; to be called before anything else is
 * done with it. A crash in between is made good by the next call: every statement may run again. Throws STATE_MISMATCH
 * when an applied migration has changed since or is unknown to this build.
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
        `the warehouse has migration ${name}, which this build does not know: it was written by a newer one. ` +
          'Start that one, or use another data directory.',
      )
  for (const migration of known) await apply(warehouse, migration, applied.get(migration.version)?.checksum)
  if (retentionDays !== undefined) for (const table of expiring) await keepFor(warehouse, table, retentionDays)
}

/** How far the warehouse's tables are, by the names of migrations. Changes nothing. */
export interface MigrationStanding {
  readonly applied: readonly string[]
  /** Those that the next start of this build applies. */
  readonly pending: readonly string[]
  /** Those of a newer build. */
  readonly unknown: readonly string[]
  /** Those whose content is another than what was applied. */
  readonly changed: readonly string[]
}

export async function migrationStanding(
  warehouse: Warehouse,
  directory = packagedDirectory,
): Promise<MigrationStanding> {
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
  { version, name, checksum, statements }: Migration,
  before: string | undefined,
): Promise<void> {
  if (before === checksum) return
  if (before !== undefined)
    throw new EngineError(
      'STATE_MISMATCH',
      `migration ${name} was applied with another content (${before.slice(0, 12)}, now ` +
        `${checksum.slice(0, 12)}); undo the change and add a new migration instead`,
    )
  for (const statement of statements) await warehouse.run(statement)
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
          `${name} in ${directory} should be number ${index + 1}: migrations are numbered 0001_name.sql ` +
            'onwards, without gaps',
        )
      const sql = await readFile(join(directory, name), 'utf8')
      return { version, name, checksum: createHash('sha256').update(sql).digest('hex'), statements: statementsOf(sql) }
    }),
  )
}

/** A statement ends with a semicolon at the end of a line. */
const statementsOf = (sql: string): readonly string[] =>
  sql
    .replace(/^--.*\n/gm, '')
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

async function keepFor(warehouse: Warehouse, table: (typeof expiring)[number], days: number): Promise<void> {
  const [row] = await warehouse.query<{ create_table_query: string }>(
    'SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {table: String}',
    { table },
  )
  if (row?.create_table_query.includes(`toIntervalDay(${days})`) === true) return
  await warehouse.run(`ALTER TABLE ${table} MODIFY TTL toDateTime(record_time) + INTERVAL ${days} DAY DELETE`)
}
