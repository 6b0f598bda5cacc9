import { EngineError } from '../../base/errors.js'
import type { ModelRuntime } from '../../scorers/model-runtime.js'
import { listModels, readModel, readModelFile } from '../../scorers/model-store.js'
import { emptyRouting, withChampion, type Routing } from '../../scorers/routing.js'
import type { Stream } from '../../streams/stream.js'
import { compileStream, type CompiledStream } from '../ground/compiled.js'
import { servingOf } from '../control/serving.js'

export interface ScoredWithOptions {
  readonly stream: string
  readonly available: readonly Stream[]
  /** An ONNX file to score with instead of the stream's own model. */
  readonly model: string | undefined
  readonly modelsDirectory: string
  readonly runtime: ModelRuntime
}

/**
 * A stream, and who scores it when no control topic says so: the given file, else its newest model unless that is
 * withheld, else the heuristic.
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
    throw new EngineError(
      'UNKNOWN_STREAM',
      `there is no stream '${name}'; there are: ${available.map((one) => one.name).join(', ')}`,
    )
  const stream = compileStream(model === undefined ? found : { ...found, model: found.model ?? found.name })
  const family = stream.stream.model
  if (family === undefined) return { stream, routing: emptyRouting }
  if (model !== undefined) {
    const file = await readModelFile(model)
    const session = await runtime.open(file.model)
    if (session.width !== stream.plan.width)
      throw new EngineError(
        'MODEL_MISMATCH',
        `${model} takes ${session.width} features, stream ${name} has ${stream.plan.width}: ` +
          stream.plan.names.join(', '),
      )
    return {
      stream,
      routing: withChampion(emptyRouting, family, 'global', {
        version: file.version,
        session,
        thresholds: stream.stream.risk,
        typical: stream.scored.typical,
      }),
    }
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
