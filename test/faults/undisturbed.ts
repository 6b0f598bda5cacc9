import { join } from 'node:path'
import { systemClock as clock } from '../../src/base/clock.js'
import { packagePath, type Config } from '../../src/config/load.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { scoredWith } from '../../src/consumers/models/scored-with.js'
import { scoringFlow } from '../../src/consumers/scoring/scoring.js'
import { ensureTopics } from '../../src/consumers/ground/topics.js'
import { isEngineError } from '../../src/base/errors.js'
import type { LogRecord } from '../../src/log/event-log.js'
import { embeddedStores } from '../../src/compose/presets.js'
import { createOnnxRuntime } from '../../src/scorers/onnx/runtime.js'
import { loadStreams } from '../../src/streams/load.js'
import { lmdbState, type State } from './state.js'
import { deadLetter, positionOf, rowsOf, type Results } from './results.js'

export interface Undisturbed {
  readonly results: Results
  readonly state: State
}

/** What the engine makes of the same records, in the same order of each partition, when nothing happens to it. */
export async function undisturbed(
  stream: CompiledStream,
  input: readonly (readonly LogRecord[])[],
  config: Config,
  directory: string,
): Promise<Undisturbed> {
  const runtime = createOnnxRuntime()
  const stores = embeddedStores({ ephemeral: true }, { directory, clock })
  const log = await stores.openLog()
  const store = await stores.openState()
  try {
    await ensureTopics(log, [stream], undefined)
    for (const [partition, records] of input.entries())
      for (let from = 0; from < records.length; from += 1_000)
        await log.append({ topic: stream.topics.events, partition }, records.slice(from, from + 1_000))
    const available = await loadStreams([packagePath('bench/streams')])
    const { routing } = await scoredWith({
      stream: stream.stream.name,
      available,
      model: undefined,
      modelsDirectory: config.models.directory,
      serve: config.models.serve,
      runtime,
    })
    const results = new Map<string, string>()
    let left = input.reduce((sum, { length }) => sum + length, 0)
    await new Promise<void>((resolve, reject) => {
      if (left === 0) resolve()
      const { scoring } = config
      const joined = scoringFlow({
        log,
        groups: log,
        store,
        streams: [stream],
        clock,
        tenants: 'any',
        routing: () => routing,
        onRetry: () => undefined,
        settings: { ...scoring, badShare: { share: scoring.badShare, records: scoring.badShareRecords } },
        onChunk({ partition, chunk, block, records }) {
          for (const [position, what] of rowsOf(block, partition)) results.set(position, what)
          for (const { record, code } of chunk.dead) results.set(positionOf(partition, record.offset), deadLetter(code))
          left -= records
          if (left === 0) void joined.then((member) => member.leave()).then(resolve, reject)
        },
      })
      // A line that stops for too many bad records stops here as well: what it left has no result.
      joined.then(
        ({ failed, leave }) =>
          failed.catch((error: unknown) =>
            isEngineError(error, 'BAD_SHARE') ? leave().then(resolve, reject) : reject(error as Error),
          ),
        reject,
      )
    })
    await store.close()
    return { results, state: lmdbState(stream, join(directory, 'state')) }
  } finally {
    await runtime.close()
    await log.close()
  }
}
