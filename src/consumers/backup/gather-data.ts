import { join } from 'node:path'
import type { HeldParts, LogFileExtent, PartitionFiles } from '../../contracts/backups.js'
import type { Clock } from '../../base/clock.js'
import { EngineError, errnoOf } from '../../base/errors.js'
import type { TopicPartition } from '../../log/event-log.js'
import { copyIfThere, copyStart, copyWhole, demandRoom, moveTree, type OnBytes } from './files.js'
import { gatherFiles, type GatheredFiles } from './gather-files.js'
import type { Manifest } from './manifest.js'

/** The owner of the open stores: a running engine, or this process. */
export interface StoreHolder {
  /** Makes the owner write the warehouse's part and fix the end of the log. */
  hold(onBytes: OnBytes): Promise<HeldParts>
  /** Call it often while the warehouse's part is copied: it keeps the owner from removing that part. */
  renew(): void
  /** Lets the owner remove its part. Does nothing where nothing is held. */
  release(): Promise<void>
}

export interface GatherOptions extends GatheredFiles {
  readonly holder: StoreHolder
  /** The places in the data directory. */
  readonly paths: GatheredFiles['paths'] & { readonly log: string; readonly demo: string }
  readonly clock: Clock
  /** Reads one copied file of the log to its end. Throws LOG_DAMAGED. */
  readonly checkLogFile: (path: string, at: TopicPartition, extent: LogFileExtent) => Promise<unknown>
}

/**
 * Copies everything that a machine holds into a folder, except the state, which the log rebuilds. Resolves with the
 * offsets in the copy and the time at which they were the whole log.
 */
export async function gatherData(
  options: GatherOptions,
  folder: string,
  onBytes: OnBytes,
): Promise<Pick<Manifest, 'takenAt' | 'log'>> {
  const { holder, paths } = options
  // The demo's progress comes first: after a restore the demo repeats later events, which then are duplicates.
  await copyIfThere(paths.demo, join(folder, 'demo.json'))
  const log: Manifest['log'] = []
  let takenAtMs: number
  try {
    const parts = await holder.hold(onBytes)
    takenAtMs = options.clock.nowMs()
    const copied = (bytes: number): void => {
      holder.renew()
      onBytes(bytes)
    }
    await demandRoom(
      folder,
      parts.log.flatMap(({ files }) => files).reduce((sum, { bytes }) => sum + bytes, 0),
    )
    await moveTree(parts.warehouse, join(folder, 'warehouse'), copied)
    await holder.release()
    for (const partition of parts.log) log.push(await gatherPartition(partition, options, join(folder, 'log'), onBytes))
    for (const topic of new Set(parts.log.map((one) => one.topic)))
      await copyWhole(join(paths.log, topic, 'topic.json'), join(folder, 'log', topic, 'topic.json'))
  } finally {
    await holder.release()
  }
  // Last, because the key that was made for the backup is withdrawn by now.
  await gatherFiles(options, folder)
  return { takenAt: new Date(takenAtMs).toISOString(), log }
}

/**
 * Copies a partition, the newest file first. Retention removes the oldest files first, so when a file is missing, all
 * older ones are missing, too, and the copied files have no gap.
 */
async function gatherPartition(
  { files, topic, partition, next }: PartitionFiles,
  { paths, checkLogFile }: GatherOptions,
  to: string,
  onBytes: OnBytes,
): Promise<Manifest['log'][number]> {
  let first = next
  let kept = 0
  for (const file of [...files].reverse()) {
    const copy = join(to, file.path)
    try {
      await copyStart(join(paths.log, file.path), copy, file.bytes, onBytes)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      break
    }
    await checkLogFile(copy, { topic, partition }, file)
    first = file.base
    kept += 1
  }
  if (kept === 0 && files.length > 0)
    throw new EngineError(
      'GAP',
      `${topic}/${partition}: retention removed all of it while it was copied; make the backup again`,
    )
  return { topic, partition, first, next }
}
