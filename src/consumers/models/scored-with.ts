import type { ModelRuntime } from '../../scorers/model-runtime.js'
import { listModels, readModel } from '../../scorers/model-store.js'
import { emptyRouting, withChampion, type Routing } from '../../scorers/routing.js'
import type { Stream } from '../../streams/stream.js'
import { unknownStream } from '../../streams/unknown-stream.js'
import { compileStream, type CompiledStream } from '../ground/compiled.js'
import { servingOf } from '../control/serving.js'
import { servingOfFile } from './model-file.js'

export interface ScoredWithOptions {
  readonly stream: string
  readonly available: readonly Stream[]
  /** An ONNX file to score with instead of the stream's own model. */
  readonly model: string | undefined
  readonly modelsDirectory: string
  readonly runtime: ModelRuntime
}

/**
 * A stream, and what scores it without a control topic: the given file, else its newest model unless that is withheld,
 * else the heuristic. UNKNOWN_STREAM, MODEL_MISMATCH.
 */
export async function scoredWith({
  stream: name,
  available,
  model,
  modelsDirectory,
  runtime,
}: ScoredWithOptions): Promise<{ stream: CompiledStream; routing: Routing }> {
  const found = available.find((one) => one.name === name)
  if (found === undefined)
    throw unknownStream(
      name,
      available.map((one) => one.name),
    )
  const stream = compileStream(model === undefined ? found : { ...found, model: found.model ?? found.name })
  const family = stream.stream.model
  if (family === undefined) return { stream, routing: emptyRouting }
  if (model !== undefined) {
    const serving = await servingOfFile(stream, model, runtime)
    return { stream, routing: withChampion(emptyRouting, family, 'global', serving) }
  }
  const newest = (await listModels(modelsDirectory))
    .filter((one) => one.family === family && one.scope === 'global')
    .at(-1)
  if (newest === undefined) return { stream, routing: emptyRouting }
  const stored = await readModel(modelsDirectory, newest)
  if (stored.manifest.withheld !== undefined) return { stream, routing: emptyRouting }
  const serving = await servingOf({ readModel: () => Promise.resolve(stored), runtime, streams: [stream] }, newest)
  return { stream, routing: withChampion(emptyRouting, family, 'global', serving) }
}
