import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openKeys } from '../../src/api/keys/key-file.js'
import { systemClock } from '../../src/base/clock.js'
import { dataPaths, packagePath, type Config } from '../../src/config/load.js'
import { ensureTopics } from '../../src/consumers/ground/topics.js'
import { scoringGroup } from '../../src/consumers/scoring/scoring.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { benchOn } from '../e2e/bench-stream.js'
import { launchEngine, type LaunchedEngine } from '../e2e/launch.js'
import { retrying } from '../../src/consumers/ground/retry.js'
import { createClosing } from '../../src/base/lifecycle.js'
import type { EventLog } from '../../src/log/event-log.js'
import { storesIn } from '../../src/compose/tasks.js'
import { certified } from './certificate.js'
import type { FaultRun, Outcome } from './fault.js'
import type { Send } from './load.js'
import { overHttp, toLog } from './send.js'
import { startServers, type Servers } from './servers.js'
import { lmdbState, redisState, type State } from './state.js'

/** Where a fault happens: a preset with its stores, and engines that can be started in it. */
export interface Place {
  readonly stream: CompiledStream
  readonly config: Config
  /** Starts an engine; `settings` go over those of the place. One that runs at the end is ended. */
  launch(name: string, settings?: object): Promise<LaunchedEngine>
  /** What a producer does. An embedded engine must run. */
  readonly send: Send
  /** How many records of the event topic have their result, by the engine's own count; never too high. */
  scored(): Promise<number>
  /** Rows of the warehouse while engines run. */
  query<Row>(sql: string): Promise<readonly Row[]>
  /** Looks into the stores themselves. No engine may run meanwhile. */
  inspect<T>(work: (inspection: Inspection) => Promise<T>): Promise<T>
  /** What `tidemill replay certify` says of all that was served. No engine may run meanwhile. */
  certify(): Promise<Outcome>
}

/** What is left when all engines have stopped. */
export interface Inspection {
  readonly log: EventLog
  readonly state: State
  query<Row>(sql: string): Promise<readonly Row[]>
}

export interface ClusterPlace extends Place {
  readonly servers: Servers
  /** Whether every partition has come to where its end is now: asked for its owner, who may have to be found first. */
  allScored(): Promise<() => Promise<boolean>>
  /** From now on copies stay in the predictions table, where they can be counted. The table must be there. */
  keepCopies(): Promise<void>
}

type Settings = Readonly<Record<string, unknown>>

const commonSettings = (directory: string): Settings => ({
  streams: { builtin: [], paths: [packagePath('bench/streams')] },
  models: { directory: join(directory, 'models'), serve: ['attendance-bench/bench-1'] },
  tenants: 'any',
  demo: { enabled: false },
  warehouse: { rawEvents: false },
})

/** Starts an engine of a run; it ends with the run. */
const launcher =
  (run: FaultRun, variables: Readonly<Record<string, string>>) =>
  async (directory: string, settings: object): Promise<LaunchedEngine> => {
    let isWanted = true
    const engine = await launchEngine({ ...run.variables, ...variables }, directory, settings, (end) =>
      run.defer(() => end('SIGKILL')),
    )
    void engine.ended.then((code) => {
      if (isWanted)
        run.suspect(
          `an engine ended by itself, with ${code ?? 'a signal'}: ` +
            engine.said().trimEnd().split('\n').slice(-3).join(' | '),
        )
    })
    return {
      ...engine,
      end(signal) {
        isWanted = false
        return engine.end(signal)
      },
    }
  }

export async function embeddedPlace(run: FaultRun): Promise<Place> {
  const variables = { TIDEMILL_PRESET: 'embedded' }
  const { stream, config } = await benchOn({ name: 'embedded', variables }, run.directory)
  await mkdir(config.dataDirectory, { recursive: true })
  const { key } = await openKeys(dataPaths(config.dataDirectory).keys, systemClock).create({
    name: 'faults',
    tenant: '*',
    scopes: ['events:write', 'read', 'admin'],
  })
  const launch = launcher(run, variables)
  let engine: LaunchedEngine | undefined
  const url = (): string => engine!.url
  return {
    stream,
    config,
    async launch(_name, settings = {}) {
      return (engine = await launch(run.directory, { ...commonSettings(run.directory), ...settings }))
    },
    certify: () => certified(stream, join(run.directory, 'tidemill.json'), { ...run.variables, ...variables }),
    send: overHttp(stream, url, key),
    scored: async () => {
      const metrics = await (await fetch(`${url()}/metrics`, { headers: { connection: 'close' } })).text()
      return [...metrics.matchAll(/^tidemill_scored_offset\{[^}]*\} (\d+)/gm)].reduce(
        (sum, [, offset]) => sum + Number(offset) + 1,
        0,
      )
    },
    async query<Row>(sql: string) {
      const answer = await fetch(`${url()}/api/v2/sql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ sql }),
      })
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`)
      return ((await answer.json()) as { rows: Row[] }).rows
    },
    async inspect(work) {
      const stores = storesIn(config)
      const closing = createClosing()
      try {
        const log = await stores.openLog()
        closing.add(() => log.close())
        const warehouse = await stores.openWarehouse()
        closing.add(() => warehouse.close())
        return await work({
          log,
          state: lmdbState(stream, dataPaths(config.dataDirectory).state),
          query: (sql) => warehouse.query(sql),
        })
      } finally {
        await closing.close()
      }
    },
  }
}

export async function clusterPlace(run: FaultRun): Promise<ClusterPlace> {
  const servers = await startServers(run)
  const { stream, config } = await benchOn({ name: 'cluster', variables: servers.variables }, run.directory)
  const stores = storesIn(config)
  const log = await stores.openLog()
  run.defer(() => log.close())
  await ensureTopics(log, [stream], undefined)
  const warehouse = await stores.openWarehouse()
  run.defer(() => warehouse.close())
  const launch = launcher(run, servers.variables)
  let configOfLast = ''
  // A broker that was just started does not know its groups yet.
  const lag = () => retrying(() => log.lag(scoringGroup), { clock: systemClock, signal: new AbortController().signal })
  return {
    stream,
    config,
    servers,
    launch(name, settings = {}) {
      configOfLast = join(run.directory, name, 'tidemill.json')
      return launch(join(run.directory, name), {
        ...commonSettings(run.directory),
        kafka: { clientId: name },
        ...settings,
      })
    },
    certify: () => certified(stream, configOfLast, { ...run.variables, ...servers.variables }),
    send: toLog(stream, log),
    scored: async () => (await lag()).reduce((sum, { committed }) => sum + Math.max(0, committed), 0),
    query: (sql) => warehouse.query(sql),
    async allScored() {
      const ends = (await lag()).map(({ partition, next }) => [partition, next] as const)
      return async () => {
        const committed = new Map((await lag()).map((one) => [one.partition, one.committed]))
        return ends.every(([partition, next]) => committed.get(partition)! >= next)
      }
    },
    keepCopies: () => warehouse.run('SYSTEM STOP MERGES predictions'),
    inspect: async (work) =>
      work({
        log,
        state: await redisState(stream, servers.redis.port, config.redis.keyPrefix),
        query: (sql) => warehouse.query(sql),
      }),
  }
}
