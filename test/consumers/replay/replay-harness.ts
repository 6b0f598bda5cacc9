import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { backtestDirectory, type BacktestDirectory } from '../../../src/consumers/replay/backtest/directory.js'
import type { BacktestParts, OwnStores } from '../../../src/consumers/replay/backtest/backtest.js'
import { openLmdbStateStore } from '../../../src/state/lmdb/state-store.js'
import type { LogView } from '../../../src/log/event-log.js'
import { openLocalLog } from '../../../src/log/local/log.js'
import { openLocalView } from '../../../src/log/local/view.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import { readModel } from '../../../src/scorers/model-store.js'
import { settings, type EngineHarness } from '../engine-harness.js'

/** What a replay beside an engine harness needs: a view of its log, and a directory of its own. */
export interface ReplayHarness {
  readonly parts: BacktestParts
  readonly directory: BacktestDirectory
  /** Where models lie. */
  readonly models: string
  /** The parts, with a signal that aborts once so many records were read. */
  interruptedAfter(records: number): BacktestParts
}

export async function replayHarness(harness: EngineHarness): Promise<ReplayHarness> {
  const own = await mkdtemp(join(tmpdir(), 'tidemill-replay-'))
  const view = await openLocalView({ directory: join(harness.directory, 'log'), clock: systemClock })
  const parts = await replayParts(view, own)
  onTestFinished(async () => {
    await view.close()
    await rm(own, { recursive: true, force: true })
  })
  const { directory } = parts
  const models = modelsIn(own)
  return {
    parts,
    directory,
    models,
    interruptedAfter(records) {
      const stop = new AbortController()
      return { ...parts, signal: stop.signal, onProgress: ({ done }) => done >= records && stop.abort() }
    },
  }
}

const modelsIn = (own: string): string => join(own, 'models')

/** What a replay of a log needs, with everything of its own in a directory. */
export async function replayParts(view: LogView, own: string): Promise<BacktestParts> {
  const runtime = createOnnxRuntime()
  onTestFinished(() => runtime.close())
  return {
    view,
    runtime,
    openOwn,
    clock: systemClock,
    tenants: 'any',
    settings,
    directory: backtestDirectory(join(own, 'backtests')),
    viewOwn: (place) => openLocalView({ directory: join(place, 'log'), clock: systemClock }),
    readModel: (name) => readModel(modelsIn(own), name),
    signal: new AbortController().signal,
  }
}

async function openOwn(directory: string): Promise<OwnStores> {
  const log = await openLocalLog({ directory: join(directory, 'log'), clock: systemClock, ephemeral: true })
  const store = await openLmdbStateStore({ directory: join(directory, 'state') })
  return {
    log,
    store,
    async close() {
      await store.close()
      await log.close()
    },
  }
}
