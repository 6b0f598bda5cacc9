import type { Clock } from '../base/clock.js'
import { EngineError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Warehouse } from './warehouse.js'
import { literal } from './literal.js'

/** The two backups that a warehouse consists of, with their clauses in ClickHouse's statements. */
const parts = [
  { folder: 'progress', backup: 'TABLE progress', restore: 'TABLE progress' },
  { folder: 'tables', backup: 'DATABASE default EXCEPT TABLES progress', restore: 'DATABASE default' },
] as const

export interface BackupWork {
  readonly clock: Clock
  /** Ends the waiting; ClickHouse still finishes the backup that it began. */
  readonly signal: AbortSignal
  /** Receives the number of bytes so far. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Writes the warehouse into `directory`, which must not exist yet, with ClickHouse's own BACKUP. The warehouse may be
 * in use. The table `progress` is written first, so the other tables may contain more rows than it covers, but never
 * fewer. After a restore those rows are inserted again, and the tables merge the duplicates. Throws WAREHOUSE_DOWN with
 * ClickHouse's reason, for example a full disk.
 */
export async function backUpWarehouse(warehouse: Warehouse, directory: string, work: BackupWork): Promise<void> {
  let before = 0
  for (const { folder, backup } of parts)
    before += await run(warehouse, `BACKUP ${backup} TO File(${literal(`${directory}/${folder}`)}) ASYNC`, before, work)
}

/** Fills an empty warehouse from a backup of `backUpWarehouse`. Throws WAREHOUSE_DOWN with ClickHouse's reason. */
export async function restoreWarehouse(warehouse: Warehouse, directory: string, work: BackupWork): Promise<void> {
  let before = 0
  for (const { folder, restore } of parts)
    before += await run(
      warehouse,
      `RESTORE ${restore} FROM File(${literal(`${directory}/${folder}`)}) ASYNC`,
      before,
      work,
    )
}

/** Runs a statement in ClickHouse's own threads, so that other statements do not wait for it, and polls its state. */
async function run(
  warehouse: Warehouse,
  statement: string,
  before: number,
  { clock, signal, onBytes }: BackupWork,
): Promise<number> {
  const [begun] = await warehouse.query<{ id: string }>(statement)
  for (;;) {
    const [row] = await warehouse.query<Status>(
      'SELECT toString(status) AS status, error, toFloat64(total_size) AS bytes FROM system.backups WHERE id ' +
        '= {id: String}',
      { id: begun!.id },
    )
    if (row === undefined || row.status.endsWith('_FAILED') || row.status.endsWith('_CANCELLED'))
      throw new EngineError(
        'WAREHOUSE_DOWN',
        `${statement}: ${row?.error.split(' (version')[0] ?? 'the backup is gone'}`,
      )
    onBytes?.(before + row.bytes)
    if (row.status === 'BACKUP_CREATED' || row.status === 'RESTORED') return row.bytes
    await clock.sleep(limits.backupPollMs, signal)
    signal.throwIfAborted()
  }
}

interface Status {
  readonly status: string
  readonly error: string
  readonly bytes: number
}
