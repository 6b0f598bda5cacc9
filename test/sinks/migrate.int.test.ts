import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { appendFile, cp, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEngineError } from '../../src/base/errors.js'
import { migrate } from '../../src/sinks/migrate.js'
import { tableColumns } from '../../src/sinks/tables.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'
import { everyWarehouse } from './clickhouse/clickhouse.js'

const nextNumber = String(
  readdirSync(fileURLToPath(new URL('../../src/sinks/migrations/', import.meta.url))).length + 1,
).padStart(4, '0')

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  let warehouse: Warehouse
  let remove: () => Promise<void>
  let directory: string

  beforeAll(async () => {
    ;({ warehouse, remove } = await openWarehouse())
    directory = await mkdtemp(join(tmpdir(), 'tidemill-migrations-'))
    await cp(fileURLToPath(new URL('../../src/sinks/migrations/', import.meta.url)), directory, { recursive: true })
    await migrate(warehouse, { directory })
  })
  afterAll(async () => {
    await remove()
    await rm(directory, { recursive: true })
  })

  const applied = () =>
    warehouse.query<{ version: number; name: string }>('SELECT version, name FROM schema_migrations ORDER BY version')

  test('every migration is applied once, however often migrate runs', async () => {
    const before = await applied()
    await migrate(warehouse, { directory })
    assert.deepEqual(await applied(), before)
    assert.deepEqual(
      before.map(({ version }) => version),
      before.map((_, index) => index + 1),
    )
  })

  test('migrate finds the migrations of the package by itself', async () => {
    await migrate(warehouse)
    assert.ok((await applied()).length >= 5)
  })

  test('the next start repeats a migration that a crash left unrecorded', async () => {
    const [last] = (await applied()).slice(-1)
    await warehouse.run(
      'ALTER TABLE schema_migrations DELETE WHERE version = {version: UInt32} SETTINGS mutations_sync = 1',
      { version: last!.version },
    )
    await migrate(warehouse, { directory })
    assert.equal((await applied()).at(-1)?.name, last!.name)
  })

  test('every table has the columns that inserts fill', async () => {
    const rows = await warehouse.query<{ table: string; name: string }>(
      'SELECT table, name FROM system.columns WHERE database = currentDatabase()',
    )
    for (const [table, columns] of Object.entries(tableColumns)) {
      const has = new Set(rows.filter((row) => row.table === table).map(({ name }) => name))
      assert.deepEqual(
        columns.filter((column) => !has.has(column)),
        [],
        table,
      )
    }
  })

  test('an acknowledged insert is on disk in every table, so that progress never covers lost rows', async () => {
    for (const table of Object.keys(tableColumns)) {
      const [row] = await warehouse.query<{ sql: string }>(
        'SELECT create_table_query AS sql FROM system.tables WHERE database = currentDatabase() AND name = ' +
          '{table: String}',
        { table },
      )
      assert.match(row!.sql, /fsync_after_insert = 1/, table)
      assert.match(row!.sql, /fsync_part_directory = 1/, table)
    }
  })

  test('a new migration is applied after the others', async () => {
    const file = join(directory, `${nextNumber}_more.sql`)
    await writeFile(
      file,
      "-- Another; with a semicolon in its comment;\nCREATE TABLE IF NOT EXISTS more (a String COMMENT 'x; " +
        "y') ENGINE = MergeTree ORDER BY a;\nINSERT INTO more VALUES ('1');\n",
    )
    await migrate(warehouse, { directory })
    assert.deepEqual(await warehouse.query('SELECT a FROM more'), [{ a: '1' }])
    await unlink(file)
  })

  test('a warehouse that a newer build migrated is refused', async () => {
    await expect(migrate(warehouse, { directory })).rejects.toSatisfy(
      (error: unknown) => isEngineError(error, 'STATE_MISMATCH') && error.message.includes(`${nextNumber}_more.sql`),
    )
    await warehouse.run(
      `ALTER TABLE schema_migrations DELETE WHERE version = ${Number(nextNumber)} SETTINGS mutations_sync = 1`,
    )
  })

  test('a migration that was changed after it was applied is refused, by name', async () => {
    await appendFile(join(directory, '0002_outcomes.sql'), '-- changed\n')
    await expect(migrate(warehouse, { directory })).rejects.toSatisfy(
      (error: unknown) => isEngineError(error, 'STATE_MISMATCH') && error.message.includes('0002_outcomes.sql'),
    )
    await cp(
      fileURLToPath(new URL('../../src/sinks/migrations/0002_outcomes.sql', import.meta.url)),
      join(directory, '0002_outcomes.sql'),
    )
  })

  test('a gap in the numbers is refused', async () => {
    await writeFile(join(directory, '0999_gap.sql'), 'SELECT 1;\n')
    await expect(migrate(warehouse, { directory })).rejects.toSatisfy((error: unknown) =>
      isEngineError(error, 'BAD_CONFIG'),
    )
    await unlink(join(directory, '0999_gap.sql'))
  })

  test('the retention is the configured one', async () => {
    const ttlOf = async (table: string): Promise<string> =>
      (
        await warehouse.query<{ sql: string }>(
          'SELECT create_table_query AS sql FROM system.tables WHERE database = currentDatabase() AND name = ' +
            '{table: String}',
          { table },
        )
      )[0]!.sql
    assert.match(await ttlOf('predictions'), /toIntervalDay\(90\)/)
    await migrate(warehouse, { retentionDays: 30 })
    for (const table of ['predictions', 'outcomes', 'events', 'dead_letters'])
      assert.match(await ttlOf(table), /toIntervalDay\(30\)/)
  })
})

/** A day in the past, as SQL. */
const ago = (days: number): string => `now64(3) - INTERVAL ${days} DAY`

describe.each(everyWarehouse)('%s that an older build filled', (_, openWarehouse) => {
  test(
    'every row is kept, with a time of the engine, also when the upgrade crashes again and again',
    { timeout: 120_000 },
    async () => {
      const { warehouse, remove } = await openWarehouse()
      const directory = await mkdtemp(join(tmpdir(), 'tidemill-migrations-'))
      const all = fileURLToPath(new URL('../../src/sinks/migrations/', import.meta.url))
      try {
        for (const name of readdirSync(all).filter((one) => one < '0008'))
          await cp(join(all, name), join(directory, name))
        // This build cannot set the retention of tables without written_at. No row must expire before the upgrade.
        await migrate(warehouse, { directory }).catch(() => undefined)
        for (const table of ['predictions', 'events', 'dead_letters', 'outcomes'])
          await warehouse.run(`ALTER TABLE ${table} REMOVE TTL`)
        const times = [ago(0), ago(3), ago(40), ago(400), "toDateTime64('1970-01-20 00:00:00', 3)", ago(-30)]
        for (const [offset, time] of times.entries()) {
          await warehouse.run(
            `INSERT INTO predictions (tenant, stream, topic, offset, role, kind, event_id, record_time, ver)
           SELECT 'acme', 'gates', 'gates', ${offset}, 'served', 'prediction', 'e${offset}', ${time}, 1`,
          )
          await warehouse.run(
            `INSERT INTO events (tenant, stream, topic, offset, record_time)
           SELECT 'acme', 'gates', 'gates', ${offset}, ${time}`,
          )
          await warehouse.run(
            `INSERT INTO dead_letters (stream, source_topic, source_offset, topic, offset, record_time)
           SELECT 'gates', 'gates', ${offset}, 'gates.dead-letters', ${offset}, ${time}`,
          )
          await warehouse.run(
            `INSERT INTO outcomes (tenant, stream, event_id, topic, offset, label, record_time)
           SELECT 'acme', 'gates', 'e${offset}', 'outcomes', ${offset}, 1, ${time}`,
          )
        }
        await warehouse.run(
          `INSERT INTO progress SELECT 'events', 'gates', 0, 2, -1, 0, ${ago(9)}
         UNION ALL SELECT 'predictions', 'gates.predictions', 0, 9, 1, 1, ${ago(9)}`,
        )
        for (let crashAfter = 1, done = false; !done; crashAfter += 3) {
          let left = crashAfter
          const crashing: Warehouse = {
            ...warehouse,
            run: async (sql, params) => {
              if (left-- <= 0) throw new Error('crashed')
              await warehouse.run(sql, params)
            },
          }
          done = await migrate(crashing, { retentionDays: 90 }).then(
            () => true,
            () => false,
          )
          assert.ok(crashAfter < 200)
        }
        for (const table of ['predictions', 'events', 'dead_letters', 'outcomes']) {
          const rows = await warehouse.query<{ offset: number; days: number }>(
            `SELECT toUInt32(offset) AS offset, toInt32(round(dateDiff('hour', written_at, now64(3)) / 24)) AS days
           FROM ${table} FINAL WHERE days < 90 ORDER BY offset`,
          )
          // Rows that are older than the retention expire now. Rows from offset 2 on are beyond the progress of two
          // tables: the flow inserts them again.
          const beyond = table === 'events' || table === 'predictions'
          assert.deepEqual(
            rows.map(({ days }) => days),
            beyond ? [0, 3, 9, 9, 9, 9] : [0, 3, 40, 0],
            table,
          )
        }
        assert.deepEqual(
          await warehouse.query(
            "SELECT name FROM system.tables WHERE name LIKE '%0008%' AND database = currentDatabase()",
          ),
          [],
        )
      } finally {
        await remove()
        await rm(directory, { recursive: true })
      }
    },
  )
})
