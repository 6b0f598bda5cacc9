import { EngineError } from '../../../base/errors.js'
import type { LogView } from '../../../log/event-log.js'
import type { ModelRuntime } from '../../../scorers/model-runtime.js'
import type { ModelName, StoredModel } from '../../../scorers/model-store.js'
import { emptyRouting, withChampion, type Serving } from '../../../scorers/routing.js'
import { heuristicVersion } from '../../../scorers/score.js'
import type { CompiledStream } from '../../ground/compiled.js'
import { servingOf } from '../../control/serving.js'
import { servingOfFile } from '../../models/model-file.js'
import { fixedRouting, routingsAt, servedRouting, type ReplayRouting } from '../replay-routing.js'
import type { Span } from '../replay-span.js'
import { controlTopic } from '../../ground/topic-names.js'

export interface ModelSources {
  readonly view: LogView
  readonly runtime: ModelRuntime
  readonly readModel: (name: ModelName) => Promise<StoredModel>
}

/** The model that serves now. */
export const champion = 'champion'
/** For each offset the model that served it. */
export const served = 'served'

export const isModelFile = (model: string): boolean => model.endsWith('.onnx') || /[/\\]/.test(model)

/**
 * The routing of a backtest. `model` is `champion`, `served`, the name of the heuristic, an ONNX file, or a version of
 * the stream's family. Throws UNKNOWN_MODEL, MODEL_MISMATCH, MODEL_DAMAGED.
 */
export async function modelOfBacktest(
  stream: CompiledStream,
  model: string,
  spans: readonly Span[],
  { view, runtime, readModel }: ModelSources,
): Promise<ReplayRouting> {
  const load = (name: ModelName): Promise<Serving> => servingOf({ readModel, runtime, streams: [stream] }, name)
  const family = stream.stream.model
  if (model === heuristicVersion) return fixedRouting(emptyRouting)
  if (model === served) return servedRouting(view, stream, spans, load)
  if (model === champion) {
    const position = (await view.bounds(controlTopic)).next
    return fixedRouting((await routingsAt(view, stream, new Set([position]), load)).get(position)!)
  }
  if (family === undefined)
    throw new EngineError(
      'UNKNOWN_MODEL',
      `stream ${stream.stream.name} has no model family, so there is no version ${model}; give a file, or ` +
        heuristicVersion,
    )
  const serving = isModelFile(model)
    ? await servingOfFile(stream, model, runtime)
    : await load({ family, scope: 'global', version: model })
  return fixedRouting(withChampion(emptyRouting, family, 'global', serving))
}
