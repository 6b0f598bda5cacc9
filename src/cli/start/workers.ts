import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../base/clock.js'
import { failureOf } from '../../base/failure.js'
import type { Config } from '../../config/load.js'
import type { Engine, EngineOptions, EngineSnapshot, StartEngine, StreamSnapshot } from '../../contracts/engine.js'
import { limits } from '../../base/limits.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import type { WorkerNews } from './worker.js'

const workerProgram = fileURLToPath(new URL('./worker.js', import.meta.url))

/** One engine of several processes: this one, and `config.workers - 1` workers that score beside it on free ports. */
export const startTogether =
  (
    startEngine: StartEngine,
    program = workerProgram,
    restartDelayMs: number = limits.workerRestartDelayMs,
  ): StartEngine =>
  async (config, options = {}) => {
    // This process starts first and creates topics and tables before the workers need them.
    const engine = await startEngine(config, options)
    const stopping = new AbortController()
    const workers = Array.from({ length: config.workers - 1 }, (_, i) =>
      keepRunning({
        number: i + 2,
        program,
        config: workerConfig(config),
        options,
        restartDelayMs,
        stopping: stopping.signal,
      }),
    )
    for (const worker of workers) worker.ended.catch(() => undefined)
    return {
      ...engine,
      snapshot: () =>
        together(
          engine.snapshot(),
          workers.flatMap((worker) => worker.snapshot() ?? []),
        ),
      failed: Promise.race([engine.failed, ...workers.map((worker) => failureOf(worker.ended))]),
      async stop() {
        stopping.abort()
        await Promise.allSettled([...workers.map((worker) => worker.ended)])
        await engine.stop()
      },
    } satisfies Engine
  }

/** The configuration of a worker: it only scores and runs no demo. */
const workerConfig = (config: Config): Config => ({
  ...config,
  roles: ['scoring'],
  workers: 1,
  api: { ...config.api, port: 0, anyPort: true },
  demo: { ...config.demo, enabled: false },
})

interface WorkerOptions {
  /** From 2: number 1 is the parent. */
  readonly number: number
  readonly program: string
  readonly config: Config
  readonly options: EngineOptions
  readonly restartDelayMs: number
  readonly stopping: AbortSignal
}

/** Restarts a worker when it dies. `ended` rejects when it died too often in a row. */
function keepRunning(options: WorkerOptions): {
  readonly ended: Promise<void>
  snapshot(): EngineSnapshot | undefined
} {
  let snapshot: EngineSnapshot | undefined
  const ended = (async () => {
    for (let deaths = 0; ;) {
      const startedMs = systemClock.nowMs()
      const how = await runOnce(options, (news) => (snapshot = news))
      snapshot = undefined
      if (options.stopping.aborted) return
      deaths = systemClock.nowMs() - startedMs < limits.workerSteadyMs ? deaths + 1 : 1
      if (deaths > limits.workerRestarts)
        throw new CommandFailed(
          exits.failed,
          `worker ${options.number} died ${deaths} times in a row, the last time with ${how}; its log lines ` +
            'have the reason',
        )
      logLine(options, 40, `died with ${how}; restarting it (${deaths} of ${limits.workerRestarts} times in a row)`)
      await systemClock.sleep(options.restartDelayMs, options.stopping)
      if (options.stopping.aborted) return
    }
  })()
  return { ended, snapshot: () => snapshot }
}

/** Runs a worker until it ends; resolves with the signal or exit code. */
async function runOnce(options: WorkerOptions, onSnapshot: (snapshot: EngineSnapshot) => void): Promise<string> {
  const child = fork(options.program, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' })
  let url: string | undefined
  child.on('message', (news: WorkerNews) => {
    if (url === undefined) logLine(options, 30, `scores; metrics at ${news.url}/metrics`)
    url = news.url
    onSnapshot(news.snapshot)
  })
  createInterface({ input: child.stderr! }).on(
    'line',
    (line) => void options.options.log?.write(`${marked(line, options.number)}\n`),
  )
  // When a worker dies before it takes the configuration, its exit code reports that.
  child.on('error', () => undefined)
  child.send(options.config, () => undefined)
  const stop = (): void => end(child)
  options.stopping.addEventListener('abort', stop, { once: true })
  try {
    if (options.stopping.aborted) stop()
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return signal ?? `exit code ${code}`
  } finally {
    options.stopping.removeEventListener('abort', stop)
  }
}

/** Lets a worker finish what it has begun, and kills it after a deadline. */
function end(child: ChildProcess): void {
  if (child.connected) child.disconnect()
  setTimeout(() => child.kill('SIGKILL'), limits.workerStopMs + 1_000).unref()
}

/** Adds the worker's number to a log line, in JSON and in text. */
export const marked = (line: string, worker: number): string =>
  line.startsWith('{"') ? `{"worker":${worker},${line.slice(1)}` : `worker ${worker}: ${line}`

function logLine({ number, options }: WorkerOptions, level: number, msg: string): void {
  options.log?.write(
    `${JSON.stringify({ worker: number, level, time: new Date(systemClock.nowMs()).toISOString(), msg })}\n`,
  )
}

/** Adds up the snapshots of all processes. Lags already cover the whole group; latencies are the worst. */
export function together(first: EngineSnapshot, others: readonly EngineSnapshot[]): EngineSnapshot {
  return {
    ...first,
    rebuilds: [first, ...others].flatMap(({ rebuilds }) => rebuilds),
    streams: first.streams.map((stream) =>
      others.flatMap(({ streams }) => streams.find(({ name }) => name === stream.name) ?? []).reduce(added, stream),
    ),
  }
}

function added(a: StreamSnapshot, b: StreamSnapshot): StreamSnapshot {
  const worst = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined || y === undefined ? (x ?? y) : Math.max(x, y)
  return {
    ...a,
    eventsPerSecond: a.eventsPerSecond + b.eventsPerSecond,
    p50Ms: worst(a.p50Ms, b.p50Ms),
    p95Ms: worst(a.p95Ms, b.p95Ms),
    events: a.events + b.events,
    duplicates: a.duplicates + b.duplicates,
    deadLetters: a.deadLetters + b.deadLetters,
    risks: {
      low: a.risks.low + b.risks.low,
      medium: a.risks.medium + b.risks.medium,
      high: a.risks.high + b.risks.high,
    },
  }
}
