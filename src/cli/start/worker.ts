/**
 * A worker process that scores beside its parent. It receives its configuration over the IPC channel, sends snapshots
 * back, and ends when the channel closes, so that it does not outlive a parent that was killed.
 */
import { once } from 'node:events'
import { systemClock } from '../../base/clock.js'
import type { Config } from '../../config/load.js'
import type { Engine, EngineSnapshot } from '../../contracts/engine.js'
import { limits } from '../../base/limits.js'
import { endOf, exits } from '../terminal/exit.js'
import { letHeapGrow } from './heap.js'

/** A message of a worker to its parent. */
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
  // Ctrl-C reaches every process of a terminal. The parent closes the channel when the workers shall stop.
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
    await Promise.race([sendNews(engine, stopping.signal), engine.failed])
  } finally {
    stopping.abort()
    await engine.stop()
  }
}

async function sendNews(engine: Engine, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const news: WorkerNews = { url: engine.url, snapshot: engine.snapshot() }
    // When the parent dies the channel closes, and that ends this loop.
    process.send?.(news, () => undefined)
    await systemClock.sleep(newsIntervalMs, signal)
  }
}

// When the parent dies this pipe breaks. The worker still finishes its chunks.
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
// As in main.ts: the process exits even if a native library still holds something open.
setTimeout(() => process.exit(), 2_000).unref()
