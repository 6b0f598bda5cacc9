import { join } from 'node:path'
import type { Clock } from '../../base/clock.js'
import type { EventLog, TopicSpec } from '../../log/event-log.js'
import { flushTree, type OnBytes } from './files.js'
import { gatherFiles, type GatheredFiles } from './gather-files.js'
import type { Manifest } from './manifest.js'
import { restoreFiles } from './restore-files.js'
import { appendCopy, copyTopic } from './topic-copy.js'
import { controlTopic, modelsTopic } from '../ground/topic-names.js'

/**
 * The topics in a backup of a cluster's engine, in the order of the copy: a copied decision then has its model in the
 * copy, too. The servers' own backups hold events and results.
 */
const ownTopics = [controlTopic, modelsTopic] as const
const copyOf = (topic: string): string => `topics/${topic}.ndjson`

export interface ClusterOptions extends GatheredFiles {
  readonly log: EventLog
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Copies into a folder what the servers of a cluster do not hold, and the engine's decisions and models. */
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
  /** An empty directory. */
  readonly directory: string
  readonly log: EventLog
  /** The specs of all topics of the engine. */
  readonly specs: readonly TopicSpec[]
  readonly onBytes: OnBytes
}

/** A topic that held records already. The restore does not change it. */
export interface LeftAlone {
  readonly topic: string
  /** The next offset of the topic, and that of its copy in the backup. */
  readonly next: number
  readonly inBackup: number
}

/** Fills a directory and those topics that are empty; resolves with the topics that are not. */
export async function restoreCluster({
  backup,
  manifest,
  directory,
  log,
  specs,
  onBytes,
}: RestoreClusterOptions): Promise<readonly LeftAlone[]> {
  const leftAlone: LeftAlone[] = []
  // Models first, so that a process that reads a decision finds its model.
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
  await restoreFiles(backup, manifest, directory, onBytes, (path) => !path.startsWith('topics/'))
  await flushTree(directory, true)
  return leftAlone
}
