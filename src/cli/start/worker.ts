/**
 * A process that scores beside the one that started it. It is told its configuration over the channel between them,
 * tells what happens in it, and ends when the channel does: a parent that was killed leaves nobody behind.
 */
import { once } from 'node:events'
import { systemClock } from '../../base/clock.js'
import type { Config } from '../../config/load.js'
import type { Engine, EngineSnapshot } from '../../contracts/engine.js'
import { limits } from '../../base/limits.js'
import { endOf, exits } from '../terminal/exit.js'
import { letHeapGrow } from './heap.js'

/** What a worker tells. */
export interface WorkerNews {
  readonly url: string
  readonly snapshot: EngineSnapshot
}

const newsIntervalMs = 1_000

async function work(): Promise<void> {
  letHeapGrow()
  const stopping = new AbortController()
  process.once('disconnect', () => stopping.abort())
  process.once('SIGTERM', () => stopping.abort())
  // Ctrl-C reaches every process of a terminal. The parent stops first and then tells.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  stopping.signal.addEventListener('abort', () =>
    setTimeout(() => process.exit(exits.failed), limits.workerStopMs).unref(),
  )

  const [config] = (await once(process, 'message', { signal: stopping.signal })) as [Config]
  const { startEngine } = await import('../../compose/engine.js')
  const engine = await startEngine(config, {
    signal: stopping.signal,
    log: { write: (line) => void process.stderr.write(line) },
  })
  try {
    await Promise.race([tell(engine, stopping.signal), engine.failed])
  } finally {
    stopping.abort()
    await engine.stop()
  }
}

async function tell(engine: Engine, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const news: WorkerNews = { url: engine.url, snapshot: engine.snapshot() }
    // A parent that is gone closes the channel, and that ends this loop.
    process.send?.(news, () => undefined)
    await systemClock.sleep(newsIntervalMs, signal)
  }
}

// The pipe to a parent that was killed breaks, and that is no reason to leave chunks unfinished.
process.stderr.on('error', () => undefined)
try {
  await work()
} catch (error) {
  if (!process.connected) process.exit(exits.ok)
  const { exit, message } = endOf(error)
  process.stderr.write(`${message}\n`)
  process.exitCode = exit
}
if (process.connected) process.disconnect()
// As with a command: what a native part still holds open is not waited for.
setTimeout(() => process.exit(), 2_000).unref()
