import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BackupHolding, HeldParts, HoldProgress, PartitionFiles } from '../../contracts/backups.js'
import type { Clock } from '../../base/clock.js'
import { EngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { backUpWarehouse } from '../../sinks/warehouse-backup.js'

/** A log that lies in files of this machine. */
export interface LogInFiles {
  /** All partitions at the moment of the call. */
  files(): readonly PartitionFiles[]
}

export interface HoldOptions {
  /** The data directory. */
  readonly directory: string
  /** The one place that ClickHouse may write backups to. */
  readonly backups: string
  readonly warehouse: Warehouse
  readonly log: LogInFiles
  readonly clock: Clock
}

/**
 * Writes the warehouse into a folder of this name and then takes the log's moment. In this order the warehouse is the
 * older of the two, whatever comes in meanwhile, and what it lacks is in the log. Throws WAREHOUSE_DOWN.
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

/** The parts that a running engine holds for commands beside it. */
export type OpenBackups = BackupHolding & { close(): Promise<void> }

export function openBackups(options: HoldOptions): OpenBackups {
  const stopping = new AbortController()
  let held:
    { readonly id: string; standing: HoldProgress; askedAtMs: number; readonly written: Promise<void> } | undefined

  async function write(id: string): Promise<void> {
    const say = (standing: HoldProgress): void => {
      if (held?.id === id) held.standing = standing
    }
    try {
      say({
        state: 'ready',
        parts: await holdParts(options, id, stopping.signal, (bytes) => say({ state: 'writing', bytes })),
      })
    } catch (error) {
      say({ state: 'failed', message: messageOf(error) })
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
          `backup ${held.id} is under way; wait for its end, or end it with DELETE /api/v2/backups/${held.id}`,
        )
      if (held !== undefined) await end(held.id)
      const id = new Date(nowMs).toISOString().replace(/\W/g, '')
      held = {
        id,
        standing: { state: 'writing', bytes: 0 },
        askedAtMs: nowMs,
        written: Promise.resolve().then(() => write(id)),
      }
      return id
    },
    progress(id) {
      if (held?.id !== id) return undefined
      held.askedAtMs = options.clock.nowMs()
      return held.standing
    },
    end,
    async close() {
      stopping.abort(new EngineError('WAREHOUSE_DOWN', 'the engine was stopped'))
      await held?.written
    },
  }
}

/** Undefined where the stores are not files of this machine, or this process has no warehouse. */
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
