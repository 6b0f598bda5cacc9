/** The part of the composition root for commands that work on the stores without an engine. */
import { mkdir } from 'node:fs/promises'
import { systemClock as clock } from '../base/clock.js'
import { createClosing } from '../base/lifecycle.js'
import { lockDirectory } from '../base/lock.js'
import type { Config } from '../config/load.js'
import { compileStream, type CompiledStream } from '../consumers/ground/compiled.js'
import { ensureTopics, topicSpecs } from '../consumers/ground/topics.js'
import type { EventLog, TopicSpec } from '../log/event-log.js'
import type { KafkaReport, TopicChange } from '../log/kafka/log.js'
import { chooseStreams } from '../streams/choose.js'
import type { SchemaRegistry } from '../streams/registry/confluent/registry.js'
import { openExistingClickhouse, openKafka, openRedis, schemaRegistryOf, storesOf, type Stores } from './presets.js'

/** Runs `work` on the log of a configuration, with the streams' topics in it. Locks an embedded log meanwhile. */
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
 * Compares the topics of a cluster with their specs. Returns the changes that are needed, or with `apply` makes them.
 * Waits for brokers that are slow, and calls `waits` with a sentence each time. Errors of `applyTopics`.
 */
export async function clusterTopics(
  config: Config,
  specs: readonly TopicSpec[],
  work: 'plan' | 'apply',
  waits: (what: string) => void = () => undefined,
): Promise<readonly TopicChange[]> {
  const report: KafkaReport = (level, message, { what, reason }) => {
    if (level === 'warn') waits(`${message} to ${String(what)}: ${String(reason)}`)
  }
  const log = await openKafka(config, { directory: config.dataDirectory, clock, report })
  try {
    return await (work === 'plan' ? log.planTopics(specs) : log.applyTopics(specs))
  } finally {
    await log.close()
  }
}

const dayMs = 24 * 60 * 60 * 1_000

/** The stores of a configuration; the caller opens each. No engine may hold embedded stores, except for `openView`. */
export const storesIn = (config: Config): Stores => storesOf(config, { directory: config.dataDirectory, clock })

/** The schema registry of a configuration; undefined if it names none. */
export const registryIn = (config: Config): SchemaRegistry | undefined => schemaRegistryOf(config, clock)

/** The servers of a cluster. The caller opens and closes each. */
export const clusterServers = (config: Config) => ({
  kafka: () => openKafka(config, { directory: config.dataDirectory, clock }),
  redis: () => openRedis(config),
  clickhouse: () => openExistingClickhouse(config),
  registry: () => registryIn(config),
})

/** Lists the topics of a cluster, and removes topics. */
export async function kafkaTopicsOf(config: Config) {
  const log = await openKafka(config, { directory: config.dataDirectory, clock })
  return {
    list: () => log.listTopics(),
    remove: (topics: readonly string[]) => log.removeTopics(topics),
    close: () => log.close(),
  }
}
