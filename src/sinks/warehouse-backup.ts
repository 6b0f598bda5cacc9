import type { Clock } from '../base/clock.js'
import { EngineError } from '../base/errors.js'
import { limits } from '../base/limits.js'
import type { Warehouse } from './warehouse.js'

/** What of the warehouse goes into one backup of ClickHouse, as its statements name it. */
const parts = [
  { folder: 'progress', backup: 'TABLE progress', restore: 'TABLE progress' },
  { folder: 'tables', backup: 'DATABASE default EXCEPT TABLES progress', restore: 'DATABASE default' },
] as const

export interface BackupWork {
  readonly clock: Clock
  /** Ends the waiting; what ClickHouse has begun it finishes by itself. */
  readonly signal: AbortSignal
  /** Bytes so far. */
  readonly onBytes?: (bytes: number) => void
}

/**
 * Writes the warehouse into `directory`, which does not exist yet, by ClickHouse's own BACKUP, while it is in use. How
 * far the tables are filled is written first: they may then hold more than that says, which is stored again and taken
 * as one, but never less. Throws WAREHOUSE_DOWN with ClickHouse's reason, such as a full disk.
 */
export async function backUpWarehouse(warehouse: Warehouse, directory: string, work: BackupWork): Promise<void> {
  let before = 0
  for (const { folder, backup } of parts)
    before += await run(warehouse, `BACKUP ${backup} TO File(${literal(`${directory}/${folder}`)}) ASYNC`, before, work)
}

/** Fills an empty warehouse with what `backUpWarehouse` wrote. Throws WAREHOUSE_DOWN with ClickHouse's reason. */
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

/** ClickHouse does it in threads of its own; nobody else's statement waits for it. */
async function run(
  warehouse: Warehouse,
  statement: string,
  before: number,
  { clock, signal, onBytes }: BackupWork,
): Promise<number> {
  const [begun] = await warehouse.query<{ id: string }>(statement)
  for (;;) {
    const [row] = await warehouse.query<Standing>(
      'SELECT toString(status) AS status, error, toFloat64(total_size) AS bytes FROM system.backups WHERE id ' +
        '= {id: String}',
      { id: begun!.id },
    )
    if (row === undefined || row.status.endsWith('_FAILED') || row.status.endsWith('_CANCELLED'))
      throw new EngineError('WAREHOUSE_DOWN', `${statement}: ${row?.error.split(' (version')[0] ?? 'it is gone'}`)
    onBytes?.(before + row.bytes)
    if (row.status === 'BACKUP_CREATED' || row.status === 'RESTORED') return row.bytes
    await clock.sleep(limits.backupPollMs, signal)
    signal.throwIfAborted()
  }
}

interface Standing {
  readonly status: string
  readonly error: string
  readonly bytes: number
}

const literal = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
