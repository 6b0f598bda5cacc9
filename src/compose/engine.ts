/** The composition root: puts the parts together, and takes them apart in reverse order. */
import { systemClock as clock } from '../base/clock.js'
import { packageVersion } from '../config/load.js'
import { activateBundled } from '../consumers/models/bundled.js'
import type { CompiledStream } from '../consumers/ground/compiled.js'
import type { Control } from '../consumers/control/control.js'
import { registerGauges } from '../consumers/watch/gauges.js'
import { stopText } from '../consumers/control/guarded.js'
import { followLag } from '../consumers/watch/lag.js'
import { observe, type Observation } from '../consumers/watch/observation.js'
import { readinessOf } from '../consumers/watch/readiness.js'
import { repeat } from '../consumers/ground/schedule.js'
import { scoringFlow, scoringGroup } from '../consumers/scoring/scoring.js'
import { forgivenOf } from '../consumers/control/stops.js'
import { warehouseFlow, type WarehouseFlow } from '../consumers/warehouse/warehouse.js'
import type { Engine, EngineOptions, StartEngine } from '../contracts/engine.js'
import { diskFailure } from '../base/disk.js'
import { EngineError } from '../base/errors.js'
import { openFoundation, openRouting, type Foundation } from './foundation.js'
import { createClosing, type Closing } from '../base/lifecycle.js'
import { listModels } from '../scorers/model-store.js'
import { championOf } from '../scorers/routing.js'
import { heuristicVersion } from '../scorers/score.js'
import { serve } from './served.js'

/** Starts an engine as configured. Whatever fails, what was opened is closed again before this rejects. */
export const startEngine: StartEngine = async (config, options = {}) => {
  const closing = createClosing()
  try {
    return await compose(await openFoundation(config, options, closing), options, closing)
  } catch (error) {
    await closing.close().catch(() => undefined)
    throw diskFailure(error, `starting an engine in ${config.dataDirectory}`)
  }
}

/** The flows of this process' roles over what it stands on, and then the API, which asks them. */
async function compose(foundation: Foundation, options: EngineOptions, closing: Closing): Promise<Engine> {
  const {
    config,
    startedMs,
    logger,
    directory,
    registry,
    log,
    store,
    warehouse,
    streams,
    named,
    models,
    report,
    stops,
    rebuilds,
  } = foundation
  const firstDecisions = activateBundled({
    streams,
    models: await listModels(config.models.directory),
    readModel: models.read,
    publish: models.publish,
    clock,
    report,
  })
  const control = await openRouting(foundation, { together: true }, closing, firstDecisions)
  const versionOf = ({ stream }: CompiledStream): string =>
    championOf(control.current(), stream.model, 'global')?.version ?? heuristicVersion
  const observation = observe(streams, registry, clock, versionOf)
  const failing: Promise<never>[] = [
    control.failed,
    stops.failed,
    ...(foundation.warehouseFailed === undefined ? [] : [foundation.warehouseFailed]),
  ]
  failing.push(...(await startScoring(foundation, control, observation, options, closing)))
  const warehousing = await startWarehousing(foundation, closing)
  if (warehousing !== undefined) failing.push(warehousing.failed)

  let failure: unknown
  const served = await serve(
    foundation,
    observation,
    () => readinessOf({ log, directory, store, warehouse, streams, stops, rebuilds, failure: () => failure }),
    closing,
  )
  failing.push(...served.failed)
  const sweeping = repeat(
    () => log.sweep(),
    sweepEveryMs,
    clock,
    (error) => logger.warn({ err: error }, 'retention'),
  )
  closing.add(() => sweeping.close())
  const failed = Promise.race(failing)
  failed.catch((error: unknown) => (failure = error))
  const lag = await followLag(log, scoringGroup, clock)
  closing.add(() => lag.close())
  const lagRecords = (name: string): number => lag.of(named(name).topics.events)
  registerGauges(registry, {
    ...config,
    version: packageVersion(),
    directory,
    streams: streams.map(({ stream }) => stream.name),
    lagRecords,
    versionOf: (name) => versionOf(named(name)),
    warehouse: warehousing,
    stops,
    rebuilds,
  })
  return {
    url: served.url,
    ...(served.demoKey === undefined ? {} : { demoKey: served.demoKey }),
    query: (sql) =>
      warehouse === undefined
        ? Promise.reject(new EngineError('BAD_CONFIG', 'this process has no role that reads the warehouse'))
        : warehouse.query(sql),
    failed,
    stop: () =>
      closing
        .close()
        .catch((error: unknown) =>
          Promise.reject(diskFailure(error, `closing ${directory} (nothing that was acknowledged is lost)`) as Error),
        ),
    snapshot: () => ({
      uptimeMs: clock.nowMs() - startedMs,
      streams: observation.streams().map((one) => ({ ...one, lagRecords: lagRecords(one.name) })),
      warehouseLagRecords: warehousing?.lagRecords() ?? 0,
      warehouseUp: warehousing?.up() ?? true,
      rebuilds: rebuilds.current(),
      stops: stops.standing().map(stopText),
    }),
  }
}

const sweepEveryMs = 10 * 60 * 1_000

/** What may fail of it; nothing in a process that does not score. */
async function startScoring(
  foundation: Foundation,
  control: Control,
  observation: Observation,
  options: EngineOptions,
  closing: Closing,
): Promise<readonly Promise<never>[]> {
  const { config, does, log, store, streams, named, tenants, schemas, stops, rebuilds, waits } = foundation
  if (store === undefined || !does('scoring')) return []
  const scoring = await scoringFlow({
    log,
    groups: log,
    store,
    streams,
    tenants,
    clock,
    schemas,
    build: packageVersion(),
    routing: () => control.current(),
    stops,
    forgiven: (stream, partition) => forgivenOf(stops, { topic: named(stream).topics.events, partition }),
    onRefold: rebuilds.onRefold,
    settings: {
      ...config.scoring,
      badShare: { share: config.scoring.badShare, records: config.scoring.badShareRecords },
    },
    onChunk(chunk) {
      observation.onChunk(chunk)
      options.onScored?.(chunk)
    },
    onRetry(what, error) {
      observation.onRetry(what)
      waits(error, { what })
    },
  })
  closing.add(() => scoring.leave())
  return [scoring.failed]
}

/** Undefined in a process that does not fill the warehouse. */
async function startWarehousing(
  { config, does, log, warehouse, streams, stops, report }: Foundation,
  closing: Closing,
): Promise<WarehouseFlow | undefined> {
  if (warehouse === undefined || !does('warehouse')) return undefined
  const flow = await warehouseFlow({
    log,
    groups: log,
    warehouse,
    streams,
    clock,
    rawEvents: config.warehouse.rawEvents,
    stops,
    report,
  })
  closing.add(() => flow.leave())
  return flow
}
