import { readdir, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock } from '../../base/clock.js'
import { diskFailure } from '../../base/disk.js'
import { EngineError } from '../../base/errors.js'
import type { EventLog } from '../../log/event-log.js'
import { restoreWarehouse } from '../../sinks/warehouse-backup.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { demandRoom, flushTree, type OnBytes } from './files.js'
import { bytesOf, type Manifest } from './manifest.js'
import { restoreFiles } from './restore-files.js'

export interface RestoreOptions {
  /** A backup that was verified. */
  readonly backup: string
  readonly manifest: Manifest
  /** This process holds its lock. */
  readonly directory: string
  /** A file in the directory until the restore is complete. No engine starts while it exists. */
  readonly mark: string
  readonly openLog: () => Promise<EventLog & { close(): Promise<void> }>
  /** Opens an empty warehouse in the directory, which may read backups below `backups`. */
  readonly openWarehouse: (backups: string) => Promise<Warehouse>
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onBytes: OnBytes
}

/** Names that file systems and locks may leave in an empty directory. */
const ignored = /^(lost\+found|engine\.lock.*)$/

/**
 * Checks that a directory can take a restore: it is empty, or holds an interrupted restore. `clear` removes the rest of
 * that restore. BAD_REQUEST otherwise: a restore never overwrites anything.
 */
export async function demandEmpty(directory: string, mark: string, then: 'check' | 'clear'): Promise<void> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => !ignored.test(name))
  if (names.length === 0) return
  if (!names.includes(basename(mark)))
    throw new EngineError(
      'BAD_REQUEST',
      `${directory} is not empty (${names.slice(0, 3).join(', ')}${names.length > 3 ? ' ...' : ''}); a ` +
        'backup is restored into an empty directory only. Name another one, or move this one away.',
    )
  if (then === 'clear') for (const name of names) await rm(join(directory, name), { recursive: true })
}

/**
 * Fills an empty directory from a backup and verifies the result: the log by its checksums and offsets, the warehouse
 * by ClickHouse and by its progress in the log. A backup has no state; the next start folds it from the log. On failure
 * it empties the directory again. LOG_DAMAGED, GAP, WAREHOUSE_DOWN, DISK_FULL.
 */
export async function restoreBackup(options: RestoreOptions): Promise<void> {
  const { backup, manifest, directory, mark, onBytes } = options
  try {
    await demandRoom(directory, bytesOf(manifest))
    await writeFile(mark, `${JSON.stringify({ backup, name: manifest.name })}\n`, { mode: 0o640 })
    await flushTree(directory, true)
    await restoreFiles(backup, manifest, directory, onBytes, (path) => !path.startsWith('warehouse/'))
    await verifyLog(options)
    await fillWarehouse(options)
    await flushTree(directory, true)
    await rm(mark)
    await flushTree(directory, false)
  } catch (error) {
    await demandEmpty(directory, mark, 'clear')
    throw diskFailure(error, `restoring into ${directory} (nothing was kept)`)
  }
}

async function verifyLog({ openLog, manifest }: RestoreOptions): Promise<void> {
  const log = await openLog()
  try {
    for (const { topic, partition, first, next } of manifest.log) {
      const bounds = await log.bounds({ topic, partition })
      if (bounds.next !== next || (first < next && bounds.first !== first))
        throw new EngineError(
          'LOG_DAMAGED',
          `${topic}/${partition} holds offsets ${bounds.first} to ${bounds.next - 1} after the restore, the ` +
            `backup's manifest says ${first} to ${next - 1}`,
        )
    }
  } finally {
    await log.close()
  }
}

async function fillWarehouse({
  backup,
  manifest,
  openWarehouse,
  clock,
  signal,
  onBytes,
}: RestoreOptions): Promise<void> {
  const from = join(backup, 'warehouse')
  const warehouse = await openWarehouse(from)
  try {
    let before = 0
    await restoreWarehouse(warehouse, from, {
      clock,
      signal,
      onBytes: (bytes) => (onBytes(bytes - before), (before = bytes)),
    })
    const ends = new Map(manifest.log.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]))
    const rows = await warehouse.query<{ topic: string; partition: number; next: number }>(
      'SELECT topic, partition, toFloat64(max(next)) AS next FROM progress GROUP BY topic, partition',
    )
    const ahead = rows.find(({ topic, partition, next }) => next > (ends.get(`${topic}/${partition}`) ?? Infinity))
    if (ahead !== undefined)
      throw new EngineError(
        'GAP',
        `the warehouse of the backup is ahead of its log: it has ${ahead.topic}/${ahead.partition} up to ` +
          `offset ${ahead.next - 1}`,
      )
  } finally {
    await warehouse.close()
  }
}
