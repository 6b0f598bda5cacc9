/** The composition root: puts the parts together, and takes them apart in reverse order. */
import { systemClock as clock } from '../base/clock.js'
import { diskFailure } from '../base/disk.js'
import { EngineError } from '../base/errors.js'
import { failureOf } from '../base/failure.js'
import { createClosing, type Closing } from '../base/lifecycle.js'
import { packageVersion } from '../config/load.js'
import { stopText } from '../consumers/control/stops.js'
import { repeat } from '../consumers/ground/schedule.js'
import { bundledDecisions } from '../consumers/models/bundled.js'
import { scoringGroup } from '../consumers/scoring/scoring.js'
import type { WarehouseFlow } from '../consumers/warehouse/warehouse.js'
import { watchEarlyExpiry } from '../consumers/watch/early-expiry.js'
import { registerGauges } from '../consumers/watch/gauges.js'
import { followLag, type Lag } from '../consumers/watch/lag.js'
import { observe, type Observation } from '../consumers/watch/observation.js'
import { readinessOf } from '../consumers/watch/readiness.js'
import { watchUnknownOutcomes } from '../consumers/watch/unknown-outcomes.js'
import type { Engine, EngineOptions, StartEngine } from '../contracts/engine.js'
import { listModels } from '../scorers/model-store.js'
import { championOf, versionOf as servingVersion } from '../scorers/routing.js'
import { startScoring, startWarehousing } from './flows.js'
import { openFoundation, type Foundation } from './foundation.js'
import { openRouting } from './routing.js'
import { serve, type Served } from './served.js'

/** Starts an engine as configured. On any error, closes everything that was opened, and then rejects. */
export const startEngine: StartEngine = async (config, options = {}) => {
  const closing = createClosing()
  try {
    return await compose(await openFoundation(config, options, closing), options, closing)
  } catch (error) {
    await closing.close().catch(() => undefined)
    throw diskFailure(error, `starting an engine in ${config.dataDirectory}`)
  }
}

/** Starts the flows of this process' roles, and then the API, which uses them. */
async function compose(foundation: Foundation, options: EngineOptions, closing: Closing): Promise<Engine> {
  const { streams, named, registry, log, control, warehouseFailed } = foundation
  await decideBundled(foundation)
  const routing = await openRouting(foundation, { together: true }, closing)
  const versionOf = (name: string): string =>
    servingVersion(championOf(routing.current(), named(name).stream.model, 'global'))
  const observation = observe(streams, registry, clock, ({ stream }) => versionOf(stream.name))
  const early = watchEarlyExpiry(streams, foundation.retentionMs, registry, clock)
  const scoring = await startScoring(foundation, routing, { observation, early }, options, closing)
  const warehousing = await startWarehousing(foundation, closing)
  let failure: unknown
  const more = [
    ...(scoring === undefined ? [] : [early.check]),
    ...(foundation.warehouse === undefined ? [] : [watchUnknownOutcomes(foundation.warehouse, clock)]),
  ]
  const modelProblems = () =>
    streams.flatMap(({ stream }) => foundation.faults.problemOf(stream, routing.current()) ?? [])
  const readiness = () => readinessOf({ ...foundation, clock, more, modelProblems, failure: () => failure })
  const served = await serve(foundation, observation, readiness, closing)
  sweepLog(foundation, closing)
  const failing = [control.failed, routing.failed, scoring?.failed, warehousing?.failed, warehouseFailed]
  const failed = failureOf(Promise.race([...failing, ...served.failed].filter((one) => one !== undefined)))
  failed.catch((error: unknown) => (failure = error))
  const lag = await followLag(log, scoringGroup, clock)
  closing.add(() => lag.close())
  const lagRecords = (name: string): number => lag.of(named(name).topics.events)
  measure(foundation, { lagRecords, versionOf, warehousing })
  return engineOf(foundation, { served, observation, warehousing, lag, failed }, closing)
}

/** Publishes the models of the folder, and activates those of `models.serve` unless a person has decided otherwise. */
async function decideBundled({ config, streams, models, routes, control, report }: Foundation): Promise<void> {
  const decisions = await bundledDecisions({
    streams,
    models: await listModels(config.models.directory),
    serve: config.models.serve,
    isSet: config.origins['models.serve'] !== 'default',
    routes,
    readModel: models.read,
    publish: models.publish,
    report,
  })
  for (const decision of decisions) await control.decide(decision)
}

const sweepEveryMs = 10 * 60 * 1_000

/** Drops records that are older than the retention, at intervals. */
function sweepLog({ log, logger }: Foundation, closing: Closing): void {
  const warn = (error: unknown): void => logger.warn({ err: error }, 'retention')
  const sweeping = repeat(() => log.sweep(), sweepEveryMs, clock, warn)
  closing.add(() => sweeping.close())
}

interface Measured {
  readonly lagRecords: (stream: string) => number
  readonly versionOf: (stream: string) => string
  readonly warehousing: WarehouseFlow | undefined
}

const measure = (foundation: Foundation, { lagRecords, versionOf, warehousing }: Measured): void =>
  registerGauges(foundation.registry, {
    ...foundation.config,
    version: packageVersion(),
    directory: foundation.directory,
    streams: foundation.streams.map(({ stream }) => stream.name),
    lagRecords,
    versionOf,
    warehouse: warehousing,
    stops: foundation.stops,
    rebuilds: foundation.rebuilds,
  })

interface Parts {
  readonly served: Served
  readonly observation: Observation
  readonly warehousing: WarehouseFlow | undefined
  readonly lag: Lag
  readonly failed: Promise<never>
}

/** The public interface of the engine. */
function engineOf(foundation: Foundation, parts: Parts, closing: Closing): Engine {
  const { startedMs, directory, warehouse, named, rebuilds, stops } = foundation
  const { served, observation, warehousing, lag, failed } = parts
  const closed = (error: unknown): never => {
    throw diskFailure(error, `closing ${directory} (nothing that was acknowledged is lost)`)
  }
  return {
    url: served.url,
    ...(served.demoKey === undefined ? {} : { demoKey: served.demoKey }),
    query: (sql) =>
      warehouse === undefined
        ? Promise.reject(new EngineError('BAD_CONFIG', 'this process has no role that reads the warehouse'))
        : warehouse.query(sql),
    failed,
    stop: () => closing.close().catch(closed),
    snapshot: () => ({
      uptimeMs: clock.nowMs() - startedMs,
      streams: observation.streams().map((one) => ({ ...one, lagRecords: lag.of(named(one.name).topics.events) })),
      warehouseLagRecords: warehousing?.lagRecords() ?? 0,
      warehouseUp: warehousing?.up() ?? true,
      rebuilds: rebuilds.current(),
      stops: stops.stopped().map(stopText),
    }),
  }
}
