import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupHolding, HeldParts, HoldProgress, PartitionFiles } from '../../contracts/backups.js'
import type { Clock } from '../../base/clock.js'
import { EngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { backUpWarehouse } from '../../sinks/warehouse-backup.js'

/** A log in files of this machine. */
export interface LogInFiles {
  /** All partitions as they are at the call. */
  files(): readonly PartitionFiles[]
}

export interface HoldOptions {
  /** The data directory. */
  readonly directory: string
  /** The only directory that ClickHouse may write backups to. */
  readonly backups: string
  readonly warehouse: Warehouse
  readonly log: LogInFiles
  readonly clock: Clock
}

/**
 * Writes the warehouse into a folder of this name, then lists the files of the log. In this order the warehouse is
 * older than the log, so the log has everything that the warehouse lacks. Throws WAREHOUSE_DOWN.
 */
export async function holdParts(
  { directory, backups, warehouse, log, clock }: HoldOptions,
  name: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<HeldParts> {
  const folder = join(backups, name)
  await backUpWarehouse(warehouse, folder, { clock, signal, onBytes })
  return { directory, warehouse: folder, log: log.files() }
}

/** The parts that a running engine holds for backup commands. */
export type OpenBackups = BackupHolding & { close(): Promise<void> }

export function openBackups(options: HoldOptions): OpenBackups {
  const stopping = new AbortController()
  let held:
    { readonly id: string; progress: HoldProgress; askedAtMs: number; readonly written: Promise<void> } | undefined

  async function write(id: string): Promise<void> {
    const report = (progress: HoldProgress): void => {
      if (held?.id === id) held.progress = progress
    }
    const onBytes = (bytes: number): void => report({ state: 'writing', bytes })
    try {
      report({ state: 'ready', parts: await holdParts(options, id, stopping.signal, onBytes) })
    } catch (error) {
      report({ state: 'failed', message: messageOf(error) })
    }
  }

  async function end(id: string): Promise<boolean> {
    if (held?.id !== id) return false
    await held.written
    await rm(join(options.backups, id), { recursive: true, force: true })
    held = undefined
    return true
  }

  return {
    async begin() {
      const nowMs = options.clock.nowMs()
      if (held !== undefined && nowMs - held.askedAtMs < limits.backupLeaseMs)
        throw new EngineError(
          'LOCKED',
          `backup ${held.id} is running; wait for its end, or end it with DELETE /api/v2/backups/${held.id}`,
        )
      if (held !== undefined) await end(held.id)
      const id = new Date(nowMs).toISOString().replace(/\W/g, '')
      held = {
        id,
        progress: { state: 'writing', bytes: 0 },
        askedAtMs: nowMs,
        written: Promise.resolve().then(() => write(id)),
      }
      return id
    },
    progress(id) {
      if (held?.id !== id) return undefined
      held.askedAtMs = options.clock.nowMs()
      return held.progress
    },
    end,
    async close() {
      stopping.abort(new EngineError('WAREHOUSE_DOWN', 'the engine was stopped'))
      await held?.written
    },
  }
}

/** Undefined where the log is not in files of this machine, or this process has no warehouse. */
export const backupsOf = ({
  log,
  warehouse,
  ...rest
}: Omit<HoldOptions, 'log' | 'warehouse'> & {
  readonly log: Partial<LogInFiles>
  readonly warehouse: Warehouse | undefined
}): OpenBackups | undefined =>
  log.files === undefined || warehouse === undefined
    ? undefined
    : openBackups({ ...rest, log: log as LogInFiles, warehouse })
