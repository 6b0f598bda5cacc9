import type { ModelRuntime } from '../../scorers/model-runtime.js'
import { listModels, readModel } from '../../scorers/model-store.js'
import { emptyRouting, withChampion, type Routing } from '../../scorers/routing.js'
import { heuristicVersion } from '../../scorers/routing.js'
import type { Stream } from '../../streams/stream.js'
import { unknownStream } from '../../streams/unknown-stream.js'
import { compileStream, type CompiledStream } from '../ground/compiled.js'
import { servingOf } from '../control/serving.js'
import { versionNamed } from './bundled.js'
import { isModelFile, servingOfFile } from './model-file.js'

export interface ScoredWithOptions {
  readonly stream: string
  readonly available: readonly Stream[]
  /** An ONNX file, a version of the stream's family, or the name of the heuristic; else `serve` decides. */
  readonly model: string | undefined
  readonly modelsDirectory: string
  /** The models that serve without a decision, `family/version`. */
  readonly serve: readonly string[]
  readonly runtime: ModelRuntime
  readonly onModelError?: (model: string, rows: number, problem: string) => void
  readonly report?: (message: string) => void
}

/**
 * A stream, and what scores it without a control topic: the given model, else the one that `serve` names, else the
 * heuristic. UNKNOWN_STREAM, UNKNOWN_MODEL, MODEL_MISMATCH, MODEL_REFUSED; BAD_CONFIG where the folder is missing.
 */
export async function scoredWith(
  options: ScoredWithOptions,
): Promise<{ readonly stream: CompiledStream; readonly routing: Routing }> {
  const { stream: name, available, model, modelsDirectory, runtime, onModelError } = options
  const found = available.find((one) => one.name === name)
  if (found === undefined)
    throw unknownStream(
      name,
      available.map((one) => one.name),
    )
  const isFile = model !== undefined && isModelFile(model)
  const stream = compileStream(isFile ? { ...found, model: found.model ?? found.name } : found)
  const family = stream.stream.model
  if (isFile) {
    const serving = await servingOfFile(stream, model, runtime, onModelError)
    return { stream, routing: withChampion(emptyRouting, family!, 'global', serving) }
  }
  const versions = (await listModels(modelsDirectory))
    .filter((one) => one.family === family && one.scope === 'global')
    .map((one) => one.version)
  const version = family === undefined ? undefined : (model ?? versionNamed(options.serve, family))
  if (version === undefined || version === heuristicVersion) {
    if (model === undefined && versions.length > 0)
      options.report?.(
        `the heuristic scores: choose a model of family ${family!} with --model (${versions.join(', ')})`,
      )
    return { stream, routing: emptyRouting }
  }
  const serving = await servingOf(
    { readModel: (one) => readModel(modelsDirectory, one), runtime, streams: [stream], onModelError },
    { family: family!, scope: 'global', version },
  )
  return { stream, routing: withChampion(emptyRouting, family!, 'global', serving) }
}
