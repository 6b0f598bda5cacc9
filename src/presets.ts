/** The part of the composition root that knows the adapters: opens the stores that a preset names. */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { Logger } from 'pino'
import { systemClock, type Clock } from './clock.js'
import { dataPaths, type Config } from './config.js'
import type { Role } from './config-settings.js'
import { awaitWarehouse, type AwaitedWarehouse } from './consumers/awaited-warehouse.js'
import { patiently } from './consumers/retry.js'
import { EngineError } from './errors.js'
import { openLmdbStateStore } from './features/lmdb-state-store.js'
import { openRedisStateStore } from './features/redis-state-store.js'
import type { StateStore } from './features/state-store.js'
import type { Closing } from './lifecycle.js'
import { limits } from './limits.js'
import type { ConsumerGroups, EventLog } from './log/event-log.js'
import { openKafkaLog, type KafkaLog, type KafkaReport } from './log/kafka.js'
import { openLocalLog } from './log/local.js'
import { openChdbWarehouse } from './sinks/chdb-warehouse.js'
import { openClickhouseWarehouse } from './sinks/clickhouse-warehouse.js'
import { migrate } from './sinks/migrate.js'
import type { Warehouse } from './sinks/warehouse.js'
import { openSchemaRegistry, type SchemaRegistry } from './streams/confluent-registry.js'

export type OpenLog = EventLog &
  ConsumerGroups & {
    /** What was cut off when it was opened. */
    readonly repairs: readonly { readonly file: string; readonly reason: string }[]
    /** Drops what retention has passed, where the log does not do so by itself. To be called now and then. */
    sweep(): Promise<void>
    close(): Promise<void>
  }

/** The stores of one preset, each opened by whoever needs it, who also closes it. */
export interface Stores {
  openLog(): Promise<OpenLog>
  openState(): Promise<StateStore & { readonly repairs: readonly string[]; close(): Promise<void> }>
  openWarehouse(): Promise<Warehouse>
}

export interface StoresOptions {
  /** Of this process. */
  readonly directory: string
  readonly clock: Clock
  readonly report?: KafkaReport
}

export const storesOf = (config: Config, options: StoresOptions): Stores => (config.preset === 'cluster' ? clusterStores(config, options) : embeddedStores(config, options))

export function embeddedStores({ ephemeral }: Pick<Config, 'ephemeral'>, { directory, clock }: StoresOptions): Stores {
  const paths = dataPaths(directory)
  return {
    openLog: () => openLocalLog({ directory: paths.log, clock, ephemeral }),
    openState: () => openLmdbStateStore({ directory: paths.state }),
    openWarehouse: () => openChdbWarehouse({ directory: paths.warehouse }),
  }
}

function clusterStores(config: Config, options: StoresOptions): Stores {
  const { redis, clickhouse } = config
  return {
    openLog: async () => Object.assign(await openKafka(config, options), { repairs: [], sweep: () => Promise.resolve() }),
    async openState() {
      const { keyPrefix, cluster, username, password } = redis
      const nodes = redis.nodes.map((node) => ({ host: node.slice(0, node.lastIndexOf(':')), port: Number(node.slice(node.lastIndexOf(':') + 1)) }))
      const tls = redis.tls ? { tls: certificates(redis) } : {}
      return Object.assign(await openRedisStateStore({ nodes, keyPrefix, ...given({ cluster, username, password }), ...tls }), { repairs: [] })
    },
    openWarehouse() {
      const { url, database, username, password, caFile } = clickhouse
      if (url === undefined) throw new EngineError('BAD_CONFIG', 'clickhouse.url is not set')
      return openClickhouseWarehouse({ url, database, username, ...given({ password }), ...(caFile === undefined ? {} : { tls: { ca: readFileSync(caFile) } }) })
    },
  }
}

/** The log of a cluster, with what only Kafka can be asked for: its topics. */
export function openKafka({ kafka }: Config, { clock, report }: StoresOptions): Promise<KafkaLog> {
  const { brokers, clientId, replicationFactor, saslMechanism: mechanism, username, password } = kafka
  const sasl = mechanism === undefined || username === undefined || password === undefined ? {} : { sasl: { mechanism, username, password } }
  return openKafkaLog({ brokers, clientId, clock, ...(kafka.tls ? { tls: certificates(kafka) } : {}), ...sasl, ...given({ replicationFactor, report }) })
}

/** The schema registry of a configuration; undefined where none is named. */
export function schemaRegistryOf({ schemaRegistry: { caFile, url, ...credentials } }: Config, clock: Clock): SchemaRegistry | undefined {
  return url === undefined ? undefined : openSchemaRegistry({ url, ...credentials, ca: caFile === undefined ? undefined : readFileSync(caFile, 'utf8'), clock })
}

const certificates = (files: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string }): ConnectionOptions =>
  given({ ca: read(files.caFile), cert: read(files.certFile), key: read(files.keyFile) })

const read = (path: string | undefined): Buffer | undefined => (path === undefined ? undefined : readFileSync(path))

/** The members that are there. */
const given = <T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as { [Name in keyof T]?: Exclude<T[Name], undefined> }

export interface OpenedStores {
  readonly log: OpenLog
  /** Undefined where no role of this process needs it; so with the warehouse. */
  readonly store: StateStore | undefined
  readonly warehouse: AwaitedWarehouse | undefined
}

/** Whether the process has one of these roles. */
export const hasRole = ({ roles }: Config) => (...some: readonly Role[]): boolean => some.some((role) => roles.includes(role))

/**
 * The stores that the roles of this process need. What is away is waited for a while: servers that start together are
 * ready in any order. A warehouse is waited for in the background, for as long as it takes.
 */
export async function openStores(config: Config, directory: string, logger: Logger, closing: Closing, stop?: AbortSignal): Promise<OpenedStores> {
  const clock = systemClock
  const stores = storesOf(config, { directory, clock, report: (level, message, fields) => logger[level](fields, message) })
  const over = new AbortController()
  const signal = stop === undefined ? over.signal : AbortSignal.any([over.signal, stop])
  const ended = clock.sleep(limits.startPatienceMs, signal).then(() => over.abort())
  const opened = async <Store extends { close(): Promise<void> }>(open: () => Promise<Store>): Promise<Store> => {
    const opening = patiently(open, { clock, signal, onRetry: (error) => logger.warn({ err: error }, 'waiting for a dependency') })
    const store = await unlessStopped(opening, stop)
    closing.add(() => store.close())
    return store
  }
  const needs = hasRole(config)
  try {
    const log = await opened(() => stores.openLog())
    for (const repair of log.repairs) logger.warn(repair, 'the torn end of a log file was cut off')
    const store = needs('scoring', 'api') ? await opened(() => stores.openState()) : undefined
    for (const repair of store?.repairs ?? []) logger.warn({ repair }, 'state is rebuilt from the log')
    if (!needs('warehouse', 'api')) return { log, store, warehouse: undefined }
    const awaited = await awaitWarehouse({
      open: () => stores.openWarehouse(),
      prepare: (warehouse) => migrate(warehouse, { retentionDays: config.warehouse.retentionDays }),
      clock,
      onRetry: (error) => logger.warn({ err: error }, 'the warehouse is away; it is waited for, and the rest goes on'),
    })
    closing.add(() => awaited.warehouse.close())
    return { log, store, warehouse: awaited }
  } finally {
    over.abort()
    await ended
  }
}

/** A server that does not even refuse holds an attempt up for seconds: whoever stops does not wait for it. What opens nevertheless is closed. */
async function unlessStopped<Store extends { close(): Promise<void> }>(opening: Promise<Store>, stop: AbortSignal | undefined): Promise<Store> {
  const stopped = new Promise<never>((_, reject) => {
    const say = (): void => reject(stop?.reason instanceof Error ? stop.reason : new Error('stopped'))
    if (stop?.aborted === true) say()
    else stop?.addEventListener('abort', say, { once: true })
  })
  try {
    return await Promise.race([opening, stopped])
  } catch (error) {
    opening.then((late) => late.close()).catch(() => undefined)
    throw error
  }
}
