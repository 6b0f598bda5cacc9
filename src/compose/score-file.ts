/** Scores a file without an engine. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock as clock } from '../base/clock.js'
import { createClosing } from '../base/lifecycle.js'
import { limits } from '../base/limits.js'
import { demoModels } from '../config/demo-models.js'
import { packagePath } from '../config/load.js'
import { ensureTopics } from '../consumers/ground/topics.js'
import { scoredWith } from '../consumers/models/scored-with.js'
import { scoreFileWith } from '../consumers/scoring/score-file.js'
import type { ScoreFileOptions, ScoreSummary } from '../contracts/score-file.js'
import { createOnnxRuntime } from '../scorers/onnx/runtime.js'
import { builtinStreams } from '../streams/built-in/index.js'
import { loadStreams } from '../streams/load.js'
import { embeddedStores } from './presets.js'

/** Scores a file with the scoring flow in a temporary directory, which is removed afterwards. */
export async function scoreFile(options: ScoreFileOptions): Promise<ScoreSummary> {
  const closing = createClosing()
  try {
    const directory = await mkdtemp(join(tmpdir(), 'tidemill-score-'))
    closing.add(() => rm(directory, { recursive: true, force: true }))
    const runtime = createOnnxRuntime()
    closing.add(() => runtime.close())
    let modelErrors: ScoreSummary['modelErrors']
    const onModelError = (_model: string, rows: number, problem: string): void =>
      void (modelErrors = { problem, ...modelErrors, rows: rows + (modelErrors?.rows ?? 0) })
    const { stream, routing } = await scoredWith({
      stream: options.stream,
      model: options.model,
      runtime,
      serve: options.modelsDirectory === undefined ? demoModels : [],
      onModelError,
      ...(options.report && { report: options.report }),
      available: [...builtinStreams, ...(options.streams.length === 0 ? [] : await loadStreams(options.streams))],
      modelsDirectory: options.modelsDirectory ?? packagePath('models'),
    })
    const stores = embeddedStores({ ephemeral: true }, { directory, clock })
    const log = await stores.openLog()
    closing.add(() => log.close())
    await ensureTopics(log, [stream], undefined)
    const store = await stores.openState()
    closing.add(() => store.close())
    const summary = await scoreFileWith(stream, options, {
      log,
      groups: log,
      store,
      clock,
      tenants: 'any',
      routing: () => routing,
      onRetry: () => undefined,
      settings: {
        commitIntervalMs: limits.commitIntervalMs,
        commitIntervalMaxMs: limits.commitIntervalMaxMs,
        chunkRecords: limits.chunkRecords,
        cachedEntities: limits.cachedEntities,
        seenIds: limits.seenIds,
      },
    })
    return modelErrors === undefined ? summary : { ...summary, modelErrors }
  } finally {
    await closing.close()
  }
}
