/** What the composition root puts together without an engine: work on a log, the stores by themselves. */
import { mkdir } from 'node:fs/promises'
import { systemClock as clock } from '../base/clock.js'
import { createClosing } from '../base/lifecycle.js'
import { lockDirectory } from '../base/lock.js'
import type { Config } from '../config/load.js'
import { compileStream, type CompiledStream } from '../consumers/ground/compiled.js'
import { ensureTopics, topicSpecs } from '../consumers/ground/topics.js'
import type { EventLog, TopicSpec } from '../log/event-log.js'
import type { TopicChange } from '../log/kafka/log.js'
import { chooseStreams } from '../streams/choose.js'
import type { SchemaRegistry } from '../streams/registry/confluent/registry.js'
import { lookIntoClickhouse, openKafka, openRedis, schemaRegistryOf, storesOf, type Stores } from './presets.js'

/** Runs `work` on the log of a configuration, with the streams' topics in it. An embedded one is held meanwhile. */
export async function withLog<T>(
  config: Config,
  streams: readonly CompiledStream[],
  work: (log: EventLog) => Promise<T>,
): Promise<T> {
  const closing = createClosing()
  try {
    await mkdir(config.dataDirectory, { recursive: true, mode: 0o750 })
    if (config.preset === 'embedded') {
      const lock = await lockDirectory(config.dataDirectory, {
        pid: process.pid,
        startedAt: new Date(clock.nowMs()).toISOString(),
      })
      closing.add(() => lock.release())
    }
    const log = await storesIn(config).openLog()
    closing.add(() => log.close())
    await ensureTopics(log, streams, undefined)
    return await work(log)
  } finally {
    await closing.close()
  }
}

export type { TopicChange, TopicSpec }

/** The topics that an engine of a configuration needs. */
export const topicsOf = async (config: Config): Promise<readonly TopicSpec[]> =>
  topicSpecs(
    (await chooseStreams(config.streams)).map(compileStream),
    config.log.retentionDays === undefined ? undefined : config.log.retentionDays * dayMs,
  )

/**
 * The topics of a cluster against their declaration: what would have to change, or with `apply` what was changed.
 * Errors of `applyTopics`.
 */
export async function clusterTopics(
  config: Config,
  specs: readonly TopicSpec[],
  work: 'plan' | 'apply',
): Promise<readonly TopicChange[]> {
  const log = await openKafka(config, { directory: config.dataDirectory, clock })
  try {
    return await (work === 'plan' ? log.planTopics(specs) : log.applyTopics(specs))
  } finally {
    await log.close()
  }
}

const dayMs = 24 * 60 * 60 * 1_000

/** The stores of a configuration, each opened by whoever looks into it. Embedded ones must not be held by an engine. */
export const storesIn = (config: Config): Stores => storesOf(config, { directory: config.dataDirectory, clock })

/** The schema registry of a configuration; undefined where none is named. */
export const registryIn = (config: Config): SchemaRegistry | undefined => schemaRegistryOf(config, clock)

/** The servers of a cluster, each opened by whoever looks into it, who also closes it. */
export const clusterServers = (config: Config) => ({
  kafka: () => openKafka(config, { directory: config.dataDirectory, clock }),
  redis: () => openRedis(config),
  clickhouse: () => lookIntoClickhouse(config),
  registry: () => registryIn(config),
})

/** The topics of a cluster: their names, and the end of those that nobody needs any more. */
export async function kafkaTopicsOf(config: Config) {
  const log = await openKafka(config, { directory: config.dataDirectory, clock })
  return {
    list: () => log.listTopics(),
    remove: (topics: readonly string[]) => log.removeTopics(topics),
    close: () => log.close(),
  }
}
