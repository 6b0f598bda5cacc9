/**
 * The part of the composition root that serves: the API and its ports, or health alone, and the demo that calls the
 * API.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { buildApi, buildHealthApi } from '../api/api.js'
import { openKeys, type KeyStore } from '../api/keys/key-file.js'
import { listen } from '../api/http/listen.js'
import type { ApiPorts } from '../contracts/api.js'
import type { ReadinessCheck } from '../contracts/checks.js'
import type { ScoringPort } from '../contracts/scoring.js'
import { systemClock as clock } from '../base/clock.js'
import { dataPaths, packageVersion } from '../config/load.js'
import { backupsOf } from '../consumers/backup/holding.js'
import { tenantsPort } from '../consumers/control/tenants.js'
import { startDemo } from '../consumers/serving/demo.js'
import { openDeadLetters } from '../consumers/dead-letters/dead-letters.js'
import type { Observation } from '../consumers/watch/observation.js'
import { partitionsPort } from '../consumers/watch/partitions-port.js'
import { openPredictionLog } from '../consumers/serving/prediction-log.js'
import { runResults } from '../consumers/replay/run-results.js'
import { scoringPort } from '../consumers/serving/serve.js'
import { marksKeptMs } from '../consumers/ground/topics.js'
import { demoKeyIn, withdrawDemoKeys } from './demo-key.js'
import type { Foundation } from './foundation.js'
import { openRouting } from './routing.js'
import { defaultTenantOf } from './tenants.js'
import type { Closing } from '../base/lifecycle.js'
import { predictionQueries } from '../sinks/queries.js'
import { answer, select } from '../sinks/read-only.js'

export interface Served {
  readonly url: string
  readonly demoKey?: string
  /** Each rejects when a part fails with an error that retries cannot resolve. */
  readonly failed: readonly Promise<never>[]
}

/** Opens the API of this process and listens. */
export async function serve(
  foundation: Foundation,
  observation: Observation,
  readiness: () => Promise<readonly ReadinessCheck[]>,
  closing: Closing,
): Promise<Served> {
  const { config, logger, directory, lock, paths, registry, warehouse, files, stops, rebuilds } = foundation
  const keys = openKeys(paths.keys, clock)
  const opened = await openPorts(foundation, observation, closing)
  if (opened !== undefined && config.preset === 'embedded' && !config.demo.enabled) await withdrawDemoKeys(keys)
  const backups = backupsOf({ log: files, warehouse, directory, backups: paths.backups, clock })
  closing.add(() => backups?.close())
  const parts = { keys, clock, version: packageVersion(), logger: logger.child({}, { level: 'error' }) }
  const health = { metrics: registry, readiness }
  const api =
    opened === undefined
      ? await buildHealthApi({ ...parts, ports: health })
      : await buildApi({
          ...parts,
          defaultTenant: defaultTenantOf(config),
          ports: {
            ...health,
            ...opened.ports,
            partitions: partitionsPort(stops, rebuilds),
            tenants: tenantsPort(foundation.control, foundation.tenants),
            backups,
          },
        })
  closing.add(() => api.close())
  const url = await listen(api, config.api)
  await lock?.update({ url })
  if (opened === undefined) return { url, failed: [] }
  if (!config.demo.enabled) return { url, failed: [opened.failed] }
  const demo = await demoOf(foundation, opened.ports.scoring, keys)
  closing.add(() => demo.close())
  return { url, demoKey: demo.key, failed: [opened.failed, demo.failed] }
}

type OpenedPorts = Pick<ApiPorts, 'scoring' | 'deadLetters' | 'queries' | 'runs'>

/** The ports of the API; undefined in a process that does not serve it. */
async function openPorts(
  foundation: Foundation,
  observation: Observation,
  closing: Closing,
): Promise<{ readonly ports: OpenedPorts; readonly failed: Promise<never> } | undefined> {
  const { config, logger, does, log, store, warehouse, streams, tenants, schemas, retentionMs } = foundation
  const { faults, named } = foundation
  if (store === undefined || warehouse === undefined || !does('api')) return undefined
  const live = await openRouting(foundation, { together: false }, closing)
  const routing = () => live.current()
  const predictions = openPredictionLog({
    log,
    clock,
    onRetry: () => observation.onRetry('api-predictions'),
    onLost: (error) => logger.warn({ err: error }, 'an answered prediction is not in the log'),
  })
  closing.add(() => predictions.close())
  const deadLetters = openDeadLetters({
    log,
    clock,
    owner: randomUUID(),
    store,
    schemas,
    streams,
    tenants,
    routing,
    seenIds: config.scoring.seenIds,
    marksKeptMs: marksKeptMs(streams, retentionMs),
  })
  closing.add(() => deadLetters.close())
  const modelProblem = (name: string) => faults.problemOf(named(name).stream, live.current())
  const scoring = scoringPort({ log, predictions, store, streams, tenants, clock, routing, modelProblem })
  return {
    failed: live.failed,
    ports: {
      scoring,
      deadLetters,
      runs: runResults(foundation.control, warehouse),
      queries: {
        ...predictionQueries(warehouse),
        select: (sql, limit) => select(warehouse, sql, limit),
        answer: (sql, limit, format) => answer(warehouse, sql, limit, format),
      },
    },
  }
}

async function demoOf({ config, directory, streams, logger }: Foundation, port: ScoringPort, keys: KeyStore) {
  const key = await demoKeyIn(dataPaths(directory).demoKey, keys, clock)
  const demo = await startDemo({
    port,
    clock,
    rate: config.demo.rate,
    place: join(directory, 'demo.json'),
    streams: new Set(streams.map(({ stream }) => stream.name)),
    onRetry: (why) => logger.warn({ why }, 'the simulator waits'),
  })
  return { key, ...demo }
}
