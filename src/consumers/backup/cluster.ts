import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.js'
import type { EventLog, TopicSpec } from '../../log/event-log.js'
import { copyWhole, flushTree, type OnBytes } from './files.js'
import { gatherFiles, type GatheredFiles } from './gather-files.js'
import type { Manifest } from './manifest.js'
import { appendCopy, copyTopic } from './topic-copy.js'
import { controlTopic, modelsTopic } from '../ground/topic-names.js'

/**
 * What the engine itself decides and makes, copied in this order so that no decision lacks its model; events and their
 * results are the servers' to back up.
 */
const ownTopics = [controlTopic, modelsTopic] as const
const copyOf = (topic: string): string => `topics/${topic}.ndjson`

export interface ClusterOptions extends GatheredFiles {
  readonly log: EventLog
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Copies what no server of a cluster keeps for the engine, and its decisions and models, into a folder. */
export async function gatherCluster(
  options: ClusterOptions,
  folder: string,
  onBytes: OnBytes,
): Promise<Pick<Manifest, 'takenAt' | 'log'>> {
  const takenAt = new Date(options.clock.nowMs()).toISOString()
  const log: Manifest['log'] = []
  for (const at of ownTopics)
    log.push({ ...at, ...(await copyTopic(options.log, at, join(folder, copyOf(at.topic)), options.signal, onBytes)) })
  await gatherFiles(options, folder)
  return { takenAt, log }
}

export interface RestoreClusterOptions {
  readonly backup: string
  readonly manifest: Manifest
  /** Empty. */
  readonly directory: string
  readonly log: EventLog
  /** Of all topics of the engine. */
  readonly specs: readonly TopicSpec[]
  readonly onBytes: OnBytes
}

/** A topic that held records already, and therefore stays as it is. */
export interface LeftAlone {
  readonly topic: string
  /** Offsets given so far, and those that the backup has. */
  readonly next: number
  readonly inBackup: number
}

/** Fills a directory and those of the engine's own topics that are empty; resolves with the others. */
export async function restoreCluster({
  backup,
  manifest,
  directory,
  log,
  specs,
  onBytes,
}: RestoreClusterOptions): Promise<readonly LeftAlone[]> {
  const leftAlone: LeftAlone[] = []
  // Models first: whoever follows a decision finds its model.
  for (const at of [...ownTopics].reverse()) {
    await log.ensure(specs.find(({ topic }) => topic === at.topic)!)
    const { next } = await log.bounds(at)
    if (next === 0) await appendCopy(log, at, join(backup, copyOf(at.topic)), onBytes)
    else
      leftAlone.push({
        topic: at.topic,
        next,
        inBackup: manifest.log.find(({ topic }) => topic === at.topic)?.next ?? 0,
      })
  }
  for (const { path, bytes, mode } of manifest.files) {
    if (path.startsWith('topics/')) continue
    onBytes(bytes)
    await copyWhole(join(backup, path), join(directory, path))
    await chmod(join(directory, path), mode)
  }
  await flushTree(directory, true)
  return leftAlone
}
