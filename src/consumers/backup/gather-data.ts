import { join } from 'node:path'
import type { HeldParts, LogFileExtent, PartitionFiles } from '../../contracts/backups.js'
import type { Clock } from '../../base/clock.js'
import { EngineError, errnoOf } from '../../base/errors.js'
import type { TopicPartition } from '../../log/event-log.js'
import { copyIfThere, copyStart, copyWhole, demandRoom, moveTree, type OnBytes } from './files.js'
import { gatherFiles, type GatheredFiles } from './gather-files.js'
import type { Manifest } from './manifest.js'

/** Whoever has the stores open: a running engine, or this process. */
export interface StoreHolder {
  /** Has the stores' part written and the log's moment taken. */
  hold(onBytes: OnBytes): Promise<HeldParts>
  /** To be called while the warehouse's part is copied, which keeps it. */
  stillHere(): void
  /** Gives up what is held; nothing where nothing is. */
  release(): Promise<void>
}

export interface GatherOptions extends GatheredFiles {
  readonly holder: StoreHolder
  /** Where each thing of the data directory lies. */
  readonly paths: GatheredFiles['paths'] & { readonly log: string; readonly demo: string }
  readonly clock: Clock
  /** Reads one copied file of the log through. Throws LOG_DAMAGED. */
  readonly checkLogFile: (path: string, at: TopicPartition, extent: LogFileExtent) => Promise<unknown>
}

/**
 * Copies all that a machine holds, but for what the log rebuilds, into a folder; resolves with the offsets it has and
 * when they were all there were.
 */
export async function gatherData(
  options: GatherOptions,
  folder: string,
  onBytes: OnBytes,
): Promise<Pick<Manifest, 'takenAt' | 'log'>> {
  const { holder, paths } = options
  // How far the demo's story is told comes first: what was told since is told again, and its events are duplicates.
  await copyIfThere(paths.demo, join(folder, 'demo.json'))
  const log: Manifest['log'] = []
  let takenAtMs: number
  try {
    const parts = await holder.hold(onBytes)
    takenAtMs = options.clock.nowMs()
    const copied = (bytes: number): void => {
      holder.stillHere()
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
  // Last, so that keys made for the backup itself are gone.
  await gatherFiles(options, folder)
  return { takenAt: new Date(takenAtMs).toISOString(), log }
}

/**
 * Copies a partition, the newest file first: retention removes the oldest, so where one is gone, the older ones are,
 * too, and what was copied is still in one piece.
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
