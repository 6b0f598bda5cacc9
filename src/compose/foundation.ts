/**
 * The part of the composition root that every process of an engine needs, whatever its roles: stores, streams, models,
 * the control topic.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino, { type Logger } from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { systemClock as clock } from '../base/clock.js'
import type { Closing } from '../base/lifecycle.js'
import { lockDirectory, type Lock } from '../base/lock.js'
import { dataPaths, type Config } from '../config/load.js'
import type { Role } from '../config/settings.js'
import { followControl, type Control } from '../consumers/control/follower.js'
import { foldRoutes, type Routes } from '../consumers/control/routes.js'
import { stopsOf, type Stops } from '../consumers/control/stops.js'
import { foldStops } from '../consumers/control/stops-fold.js'
import { decideConfigured, foldTenants, type TenantsFold } from '../consumers/control/tenants.js'
import { compileStream, type CompiledStream } from '../consumers/ground/compiled.js'
import { ensureTopics } from '../consumers/ground/topics.js'
import { followModelFaults, type ModelFaults } from '../consumers/models/model-faults.js'
import { openModelReading, type ModelReading } from '../consumers/models/reading.js'
import { followRebuilds, type Rebuilds } from '../consumers/scoring/rebuilds.js'
import { followClocksAhead, type ClocksAhead } from '../consumers/watch/clocks-ahead.js'
import { watchDependencies } from '../consumers/watch/dependencies.js'
import type { EngineOptions } from '../contracts/engine.js'
import type { OpenWarehouse } from '../sinks/warehouse.js'
import type { StateStore } from '../state/state-store.js'
import { chooseStreams } from '../streams/choose.js'
import type { SchemaSource } from '../streams/codec/schema-source.js'
import { openStores } from './opening.js'
import { schemaRegistryOf, storesOf, type OpenLog } from './presets.js'
import { configuredTenants, tenantsOf } from './tenants.js'

const dayMs = 24 * 60 * 60 * 1_000

/** The shared parts of one process. The `Closing` that `openFoundation` got closes them. */
export interface Foundation {
  readonly config: Config
  readonly startedMs: number
  readonly logger: Logger
  /** Logs a warning. */
  readonly report: (message: string) => void
  /** Logs that something waits for a dependency. */
  readonly waits: (error: unknown, fields?: object, what?: string) => void
  /** Whether this process has one of the roles. */
  readonly does: (...some: readonly Role[]) => boolean
  readonly directory: string
  /** Of the data directory; undefined on a cluster. */
  readonly lock: Lock | undefined
  readonly paths: ReturnType<typeof dataPaths>
  readonly streams: readonly CompiledStream[]
  readonly named: (stream: string) => CompiledStream
  readonly registry: Registry
  readonly log: OpenLog
  /** The same log without measurements. It has `files` if the log's files are on this machine. */
  readonly files: OpenLog
  readonly retentionMs: number | undefined
  /** Undefined if no role of this process needs it; the same is true of `warehouse`. */
  readonly store: StateStore | undefined
  readonly warehouse: OpenWarehouse | undefined
  /** Rejects on an error of the warehouse that waiting cannot resolve. */
  readonly warehouseFailed: Promise<never> | undefined
  /** The one follower of the control topic. `routes`, `stops` and `tenants` are its folds. */
  readonly control: Control
  readonly routes: Routes
  readonly stops: Stops
  readonly tenants: TenantsFold
  readonly models: ModelReading
  readonly faults: ModelFaults
  readonly schemas: SchemaSource | undefined
  readonly rebuilds: Rebuilds
  readonly clocksAhead: ClocksAhead
}

export async function openFoundation(config: Config, options: EngineOptions, closing: Closing): Promise<Foundation> {
  const startedMs = clock.nowMs()
  const logging = loggingOf(options)
  const { logger, report, waits } = logging
  const does = (...some: readonly Role[]): boolean => some.some((role) => config.roles.includes(role))
  const place = await openPlace(config, startedMs, closing)
  const streams = (await chooseStreams(config.streams)).map(compileStream)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })

  const opened = await openStores({
    stores: storesOf(config, {
      directory: place.directory,
      clock,
      report: (level, message, fields) => logger[level](fields, message),
    }),
    clock,
    closing,
    stop: options.signal,
    retentionDays: config.warehouse.retentionDays,
    onRetry: waits,
    needs: { state: does('scoring', 'api'), warehouse: does('warehouse', 'api') },
  })
  for (const repair of opened.log.repairs) logger.warn(repair, 'the torn end of a log file was cut off')
  for (const repair of opened.store?.repairs ?? []) logger.warn({ repair }, 'state is rebuilt from the log')
  const watch = watchDependencies(registry)
  const log = watch('log', opened.log, ['append'])
  const retentionMs = config.log.retentionDays === undefined ? undefined : config.log.retentionDays * dayMs
  await ensureTopics(log, streams, retentionMs)
  const decided = await openControl(config, log, logging, closing)
  // The first start on a new log records its tenants in any case, so that every replay of the log knows them.
  const configured = configuredTenants(config) ?? (decided.control.position() === 0 ? [] : undefined)
  if (configured !== undefined && does('scoring', 'api'))
    await decideConfigured(decided.control, decided.tenants, configured)
  const models = openModelReading({ log, directory: config.models.directory, kept: place.paths.models, report })
  closing.add(() => models.close())
  const schemas = schemaRegistryOf(config, clock)
  closing.add(() => schemas?.close())
  return {
    ...{
      config,
      startedMs,
      does,
      streams,
      registry,
      log,
      retentionMs,
      models,
      faults: followModelFaults({ registry, clock, report }),
      schemas,
      ...logging,
      ...place,
      ...decided,
    },
    named: (name) => streams.find(({ stream }) => stream.name === name)!,
    files: opened.log,
    store: opened.store && watch('state', opened.store, ['claim', 'load', 'commit']),
    warehouse: opened.warehouse && watch('warehouse', opened.warehouse.warehouse, ['insert', 'query']),
    warehouseFailed: opened.warehouse?.failed,
    rebuilds: followRebuilds(clock, report),
    clocksAhead: followClocksAhead(clock),
  }
}

type Logging = Pick<Foundation, 'logger' | 'report' | 'waits'>

function loggingOf({ log = { write: () => undefined } }: EngineOptions): Logging {
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, log)
  return {
    logger,
    report: (message) => logger.warn(message),
    waits: (error, fields = {}, what = 'waiting for a dependency') => logger.warn({ err: error, ...fields }, what),
  }
}

/** The data directory. Processes of a cluster may share one: they lock the keys and models in it for each change. */
async function openPlace(
  config: Config,
  startedMs: number,
  closing: Closing,
): Promise<Pick<Foundation, 'directory' | 'lock' | 'paths'>> {
  const directory = await dataDirectory(config, closing)
  const holder = { pid: process.pid, startedAt: new Date(startedMs).toISOString() }
  const lock = config.preset === 'embedded' ? await lockDirectory(directory, holder) : undefined
  closing.add(() => lock?.release())
  return { directory, lock, paths: dataPaths(directory) }
}

/** Follows the control topic, once for the whole process. */
async function openControl(
  config: Config,
  log: OpenLog,
  { report, waits }: Logging,
  closing: Closing,
): Promise<Pick<Foundation, 'control' | 'routes' | 'stops' | 'tenants'>> {
  const routes = foldRoutes()
  const fold = foldStops()
  const tenants = foldTenants(tenantsOf(config))
  const control = await followControl({
    log,
    clock,
    folds: [routes, fold, tenants],
    newId: randomUUID,
    report,
    onRetry: (error) => waits(error, {}, 'waiting for the control topic'),
  })
  closing.add(() => control.close())
  return { control, routes, stops: stopsOf(control, fold), tenants }
}

/** The directory of the configuration. An ephemeral engine gets a temporary one, which is removed at the end. */
async function dataDirectory(config: Config, closing: Closing): Promise<string> {
  if (!config.ephemeral) {
    await mkdir(config.dataDirectory, { recursive: true, mode: 0o750 })
    return config.dataDirectory
  }
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-'))
  closing.add(() => rm(directory, { recursive: true, force: true }))
  return directory
}
