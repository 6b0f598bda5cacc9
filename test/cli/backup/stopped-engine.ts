import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openKeys } from '../../../src/api/keys/key-file.js'
import { systemClock } from '../../../src/base/clock.js'
import { storesIn, withLog } from '../../../src/compose/tasks.js'
import { dataPaths, loadConfig, packagePath, type Config } from '../../../src/config/load.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { migrate } from '../../../src/sinks/migrate.js'
import { sync } from '../../../src/streams/built-in/sync.js'
import { tidemill } from '../harness.js'

export const place = mkdtempSync(join(tmpdir(), 'tidemill-backups-'))
export const data = join(place, 'data')
export const backups = join(place, 'backups')
export const original = join(backups, 'one')
/** Of stream sync, in one partition. */
export const records = 500

export const configOf = (directory: string): Config =>
  loadConfig({ variables: {}, flags: { dataDirectory: directory } })
export const create = (name: string, ...more: string[]) =>
  tidemill(['backup', 'create', '--data', data, '--to', backups, '--name', name, ...more])
/** Makes the backup `one`, with the configuration file. */
export const createOriginal = () =>
  tidemill(['backup', 'create', '--config', join(place, 'tidemill.yaml'), '--to', backups, '--name', 'one', '--json'])

/** Fills the data directory of an engine that does not run, and writes its configuration. */
export async function fill(): Promise<void> {
  const config = configOf(data)
  await withLog(config, [compileStream(sync)], async (log) => {
    const value = Buffer.from('{}'.padEnd(2_000))
    for (let sent = 0; sent < records; sent += 100)
      await log.append(
        { topic: sync.topic, partition: 1 },
        Array.from({ length: 100 }, () => ({ key: null, value })),
      )
  })
  const warehouse = await storesIn(config).openWarehouse()
  await migrate(warehouse)
  await warehouse.run(
    `INSERT INTO outcomes (tenant, stream, event_id, label, source, record_time) SELECT 'acme', 'sync', ` +
      `toString(number), 1, 'review', now64(3) FROM numbers(1000)`,
  )
  await warehouse.run(
    `INSERT INTO progress (table_name, topic, partition, next) SELECT 'predictions', '${sync.topic}', 1, ${records}`,
  )
  await warehouse.close()
  await openKeys(dataPaths(data).keys, systemClock).create({ name: 'gate 4', tenant: 'acme', scopes: ['read'] })
  writeFileSync(dataPaths(data).demoKey, 'a secret')
  mkdirSync(join(place, 'streams'))
  writeFileSync(join(place, 'tidemill.yaml'), `dataDirectory: ${data}\nstreams:\n  paths: [./streams]\n`)
  for (const name of ['doors.ts', 'doors.avsc'])
    writeFileSync(
      join(place, 'streams', name),
      readFileSync(packagePath(`test/fixtures/${name}`), 'utf8').replace(/'[^']*src\/index\.js'/, `'tidemill'`),
    )
}

export const removeAll = (): void => rmSync(place, { recursive: true, force: true })
