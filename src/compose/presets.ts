/** The part of the composition root that knows the adapters: opens the stores that a preset names. */
import { existsSync, readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../base/clock.js'
import { dataPaths, type Config } from '../config/load.js'
import { EngineError } from '../base/errors.js'
import { openLmdbStateStore } from '../state/lmdb/state-store.js'
import { openRedisStateStore, type RedisStateStore } from '../state/redis/state-store.js'
import type { StateStore } from '../state/state-store.js'
import type { ConsumerGroups, EventLog, LogView } from '../log/event-log.js'
import { openKafkaLog, type KafkaLog, type KafkaReport } from '../log/kafka/log.js'
import { openLocalLog } from '../log/local/log.js'
import { openLocalView } from '../log/local/view.js'
import type { PartitionFiles } from '../contracts/backups.js'
import { openChdbWarehouse } from '../sinks/chdb/warehouse.js'
import {
  openExistingClickhouseWarehouse,
  openClickhouseWarehouse,
  type ClickhouseOptions,
} from '../sinks/clickhouse/warehouse.js'
import type { OpenWarehouse } from '../sinks/warehouse.js'
import { openSchemaRegistry, type SchemaRegistry } from '../streams/registry/confluent/registry.js'

export type OpenLog = EventLog &
  ConsumerGroups & {
    /** The file ends that were cut off when the log was opened. */
    readonly repairs: readonly { readonly file: string; readonly reason: string }[]
    /** The log's files at one moment, if they are on this machine. */
    files?(): readonly PartitionFiles[]
    /** Drops records older than the retention, if the log does not do so by itself. Call it at intervals. */
    sweep(): Promise<void>
    close(): Promise<void>
  }

/** Opens the stores of one preset. The caller closes them. */
export interface Stores {
  openLog(): Promise<OpenLog>
  /** Opens the log read-only. An engine may hold it. */
  openView(): Promise<LogView & { close(): Promise<void> }>
  openState(): Promise<StateStore & { readonly repairs: readonly string[]; close(): Promise<void> }>
  openWarehouse(): Promise<OpenWarehouse>
}

export interface StoresOptions {
  /** Of this process. */
  readonly directory: string
  readonly clock: Clock
  readonly report?: KafkaReport
}

export const storesOf = (config: Config, options: StoresOptions): Stores =>
  config.preset === 'cluster' ? clusterStores(config, options) : embeddedStores(config, options)

export function embeddedStores({ ephemeral }: Pick<Config, 'ephemeral'>, { directory, clock }: StoresOptions): Stores {
  const paths = dataPaths(directory)
  return {
    openLog() {
      if (existsSync(paths.restoring))
        throw new EngineError(
          'BAD_CONFIG',
          `${directory} holds a restore that was interrupted: run 'tidemill backup restore' on it again, or remove it`,
        )
      return openLocalLog({ directory: paths.log, clock, ephemeral })
    },
    openView: () => openLocalView({ directory: paths.log, clock }),
    openState: () => openLmdbStateStore({ directory: paths.state }),
    openWarehouse: () => openChdbWarehouse({ directory: paths.warehouse }),
  }
}

function clusterStores(config: Config, options: StoresOptions): Stores {
  return {
    openLog: async () =>
      Object.assign(await openKafka(config, options), { repairs: [], sweep: () => Promise.resolve() }),
    openState: async () => Object.assign(await openRedis(config), { repairs: [] }),
    openView: () => openKafka(config, options),
    openWarehouse: () => openClickhouseWarehouse(clickhouseOf(config)),
  }
}

/** The warehouse of a cluster as it is; undefined if its database does not exist yet. */
export const openExistingClickhouse = (config: Config): Promise<OpenWarehouse | undefined> =>
  openExistingClickhouseWarehouse(clickhouseOf(config))

function clickhouseOf({ clickhouse: { url, database, username, password, caFile } }: Config): ClickhouseOptions {
  if (url === undefined) throw new EngineError('BAD_CONFIG', 'clickhouse.url is not set')
  return {
    url,
    database,
    username,
    ...given({ password }),
    ...(caFile === undefined ? {} : { tls: { ca: readFileSync(caFile) } }),
  }
}

/** The state of a cluster, with the operations that only Redis has. */
export function openRedis({ redis }: Pick<Config, 'redis'>): Promise<RedisStateStore> {
  const { keyPrefix, cluster, username, password } = redis
  const nodes = redis.nodes.map((node) => ({
    host: node.slice(0, node.lastIndexOf(':')),
    port: Number(node.slice(node.lastIndexOf(':') + 1)),
  }))
  const tls = redis.tls ? { tls: certificates(redis) } : {}
  return openRedisStateStore({ nodes, keyPrefix, ...given({ cluster, username, password }), ...tls })
}

/** The log of a cluster, with the operations on topics that only Kafka has. */
export function openKafka({ kafka }: Config, { clock, report }: StoresOptions): Promise<KafkaLog> {
  const { brokers, clientId, replicationFactor, saslMechanism: mechanism, username, password } = kafka
  const sasl =
    mechanism === undefined || username === undefined || password === undefined
      ? {}
      : { sasl: { mechanism, username, password } }
  return openKafkaLog({
    brokers,
    clientId,
    clock,
    ...(kafka.tls ? { tls: certificates(kafka) } : {}),
    ...sasl,
    ...given({ replicationFactor, report }),
  })
}

/** The schema registry of a configuration; undefined if it names none. */
export function schemaRegistryOf(
  { schemaRegistry: { caFile, url, ...credentials } }: Config,
  clock: Clock,
): SchemaRegistry | undefined {
  return url === undefined
    ? undefined
    : openSchemaRegistry({
        url,
        ...credentials,
        ca: caFile === undefined ? undefined : readFileSync(caFile, 'utf8'),
        clock,
      })
}

const certificates = (files: {
  readonly caFile?: string
  readonly certFile?: string
  readonly keyFile?: string
}): ConnectionOptions => given({ ca: read(files.caFile), cert: read(files.certFile), key: read(files.keyFile) })

const read = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readFileSync(path))

/** The members that are not undefined. */
const given = <T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>
  }
