/**
 * The part of the composition root for backups: opens the stores to back up, and the directory or cluster to restore.
 */
import { mkdir, rm } from 'node:fs/promises'
import { systemClock as clock } from '../base/clock.js'
import { dataPaths, type Config } from '../config/load.js'
import { gatherCluster, restoreCluster, type LeftAlone } from '../consumers/backup/cluster.js'
import type { OnBytes } from '../consumers/backup/files.js'
import type { StoreHolder } from '../consumers/backup/gather-data.js'
import type { GatheredFiles } from '../consumers/backup/gather-files.js'
import { holdParts } from '../consumers/backup/holding.js'
import type { Manifest } from '../consumers/backup/manifest.js'
import { demandEmpty, restoreBackup } from '../consumers/backup/restore.js'
import { topicSpecs } from '../consumers/ground/topics.js'
import { EngineError } from '../base/errors.js'
import { createClosing } from '../base/lifecycle.js'
import { lockDirectory } from '../base/lock.js'
import { openLocalLog } from '../log/local/log.js'
import { checkLogFile } from '../log/local/check.js'
import { storesOf, type Stores } from './presets.js'
import { openChdbWarehouse } from '../sinks/chdb/warehouse.js'

const storesIn = (config: Config): Stores => storesOf(config, { directory: config.dataDirectory, clock })

/**
 * The stores of a data directory that no engine holds, for its backup. `hold` opens them. Throws LOCKED while an engine
 * runs.
 */
export function ownStores(config: Config, signal: AbortSignal): StoreHolder {
  const paths = dataPaths(config.dataDirectory)
  let closing = createClosing()
  return {
    async hold(onBytes) {
      const lock = await lockDirectory(config.dataDirectory, {
        pid: process.pid,
        startedAt: new Date(clock.nowMs()).toISOString(),
      })
      closing.add(() => lock.release())
      const stores = storesIn(config)
      const log = await stores.openLog()
      closing.add(() => log.close())
      const { files } = log
      if (files === undefined)
        throw new EngineError(
          'BAD_CONFIG',
          'the stores of this configuration are servers, which have backups of their own',
        )
      const warehouse = await stores.openWarehouse()
      closing.add(async () => {
        await warehouse.close()
        await rm(paths.backups, { recursive: true, force: true })
      })
      return holdParts(
        {
          directory: config.dataDirectory,
          backups: paths.backups,
          warehouse,
          log: { files: () => files.call(log) },
          clock,
        },
        'own',
        signal,
        onBytes,
      )
    },
    renew: () => undefined,
    release() {
      const held = closing
      closing = createClosing()
      return held.close()
    },
  }
}

/**
 * Restores a verified backup into an empty directory, and locks the directory meanwhile. Errors of `demandEmpty` and
 * `restoreBackup`.
 */
export async function restoreInto(
  directory: string,
  backup: string,
  manifest: Manifest,
  signal: AbortSignal,
  onBytes: OnBytes,
): Promise<void> {
  const paths = dataPaths(directory)
  const lock = await lockDirectory(directory, { pid: process.pid, startedAt: new Date(clock.nowMs()).toISOString() })
  try {
    await demandEmpty(directory, paths.restoring, 'clear')
    await restoreBackup({
      backup,
      manifest,
      directory,
      mark: paths.restoring,
      clock,
      signal,
      onBytes,
      openLog: () => openLocalLog({ directory: paths.log, clock }),
      openWarehouse: (backups) => openChdbWarehouse({ directory: paths.warehouse, backups }),
    })
  } finally {
    await lock.release()
  }
}

/** Gathers the parts of a backup of a cluster's engine into a folder. Errors of the log. */
export async function gatherFromCluster(
  config: Config,
  files: GatheredFiles,
  folder: string,
  signal: AbortSignal,
  onBytes: OnBytes,
): Promise<Pick<Manifest, 'takenAt' | 'log'>> {
  const log = await storesIn(config).openLog()
  try {
    return await gatherCluster({ ...files, log, clock, signal }, folder, onBytes)
  } finally {
    await log.close()
  }
}

/** Restores a verified backup of a cluster's engine; resolves with the topics that already have records. */
export async function restoreToCluster(
  config: Config,
  backup: string,
  manifest: Manifest,
  onBytes: OnBytes,
): Promise<readonly LeftAlone[]> {
  const directory = config.dataDirectory
  await mkdir(directory, { recursive: true, mode: 0o750 })
  await demandEmpty(directory, dataPaths(directory).restoring, 'check')
  const log = await storesIn(config).openLog()
  try {
    return await restoreCluster({ backup, manifest, directory, log, specs: topicSpecs([], undefined), onBytes })
  } finally {
    await log.close()
  }
}

export { checkLogFile }
