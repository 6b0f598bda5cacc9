/**
 * The part of the composition root that every process of an engine stands on, whatever its roles: stores, streams,
 * models, stops.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { collectDefaultMetrics, Registry } from 'prom-client'
import { systemClock as clock } from '../base/clock.js'
import { dataPaths, type Config } from '../config/load.js'
import type { Role } from '../config/settings.js'
import { compileStream, type CompiledStream } from '../consumers/ground/compiled.js'
import { followControl, type Control, type ControlOptions } from '../consumers/control/control.js'
import { watchDependencies } from '../consumers/watch/dependencies.js'
import { openModelReading } from '../consumers/models/reading.js'
import { openStores } from './opening.js'
import { followRebuilds } from '../consumers/scoring/rebuilds.js'
import { followStops } from '../consumers/control/stops.js'
import { tenantsOf } from './tenants.js'
import { ensureTopics } from '../consumers/ground/topics.js'
import type { EngineOptions } from '../contracts/engine.js'
import type { Closing } from '../base/lifecycle.js'
import { lockDirectory } from '../base/lock.js'
import { schemaRegistryOf, storesOf } from './presets.js'
import { createOnnxRuntime, type OnnxRuntimeOptions } from '../scorers/onnx/runtime.js'
import { chooseStreams } from '../streams/choose.js'

const dayMs = 24 * 60 * 60 * 1_000

export type Foundation = Awaited<ReturnType<typeof openFoundation>>

export async function openFoundation(config: Config, options: EngineOptions, closing: Closing) {
  const startedMs = clock.nowMs()
  const logger = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    options.log ?? { write: () => undefined },
  )
  const report = (message: string): void => logger.warn(message)
  const waits = (error: unknown, fields: object = {}, what = 'waiting for a dependency'): void =>
    logger.warn({ err: error, ...fields }, what)
  const does = (...some: readonly Role[]): boolean => some.some((role) => config.roles.includes(role))
  const directory = await dataDirectory(config, closing)
  // Many processes of a cluster may share a directory: it holds keys and copies of models, which they lock for each
  // change.
  const lock =
    config.preset === 'embedded'
      ? await lockDirectory(directory, { pid: process.pid, startedAt: new Date(startedMs).toISOString() })
      : undefined
  closing.add(() => lock?.release())
  const paths = dataPaths(directory)
  const streams = (await chooseStreams(config.streams)).map(compileStream)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })

  const opened = await openStores({
    stores: storesOf(config, { directory, clock, report: (level, message, fields) => logger[level](fields, message) }),
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
  const stops = await followStops({ log, clock, onRetry: waits })
  closing.add(() => stops.close())
  const models = openModelReading({ log, directory: config.models.directory, kept: paths.models, report })
  closing.add(() => models.close())
  const schemas = schemaRegistryOf(config, clock)
  closing.add(() => schemas?.close())

  return {
    config,
    startedMs,
    logger,
    report,
    waits,
    does,
    directory,
    lock,
    paths,
    streams,
    registry,
    log,
    retentionMs,
    stops,
    models,
    schemas,
    named: (name: string): CompiledStream => streams.find(({ stream }) => stream.name === name)!,
    /** The log's files, where they are this machine's. */
    files: opened.log,
    store: opened.store && watch('state', opened.store, ['claim', 'load', 'commit']),
    warehouse: opened.warehouse && watch('warehouse', opened.warehouse.warehouse, ['insert', 'query']),
    /** Rejects when the warehouse will never be there. */
    warehouseFailed: opened.warehouse?.failed,
    rebuilds: followRebuilds(clock, report),
    tenants: tenantsOf(config),
  }
}

/** The routing of one user of models, with sessions of its own: a backlog does not hold up the API's callers. */
export async function openRouting(
  { log, streams, models, waits }: Foundation,
  runs: OnnxRuntimeOptions,
  closing: Closing,
  firstDecisions?: ControlOptions['firstDecisions'],
): Promise<Control> {
  const runtime = createOnnxRuntime(runs)
  closing.add(() => runtime.close())
  const control = await followControl({
    log,
    streams,
    readModel: models.read,
    ...(firstDecisions === undefined ? {} : { firstDecisions }),
    runtime,
    clock,
    onWaiting: (model, error) => waits(error, { model }, 'waiting for a routed model'),
  })
  closing.add(() => control.close())
  return control
}

/** The directory of the configuration; of an ephemeral engine one of its own, which goes with it. */
async function dataDirectory(config: Config, closing: Closing): Promise<string> {
  if (!config.ephemeral) {
    await mkdir(config.dataDirectory, { recursive: true, mode: 0o750 })
    return config.dataDirectory
  }
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-'))
  closing.add(() => rm(directory, { recursive: true, force: true }))
  return directory
}
