import { EngineError } from '../../../base/errors.js'
import type { LogView } from '../../../log/event-log.js'
import type { ModelRuntime } from '../../../scorers/model-runtime.js'
import type { ModelName, StoredModel } from '../../../scorers/model-store.js'
import { emptyRouting, withChampion, type Champion, type Serving } from '../../../scorers/routing.js'
import { heuristicVersion } from '../../../scorers/score.js'
import type { CompiledStream } from '../../ground/compiled.js'
import { servingOf, servingOrRefused } from '../../control/serving.js'
import { isModelFile, servingOfFile } from '../../models/model-file.js'
import { fixedRouting, routingsAt, servedRouting, type ReplayRouting } from '../replay-routing.js'
import type { Span } from '../replay-span.js'
import { controlTopic } from '../../ground/topic-names.js'

export interface ModelSources {
  readonly view: LogView
  readonly runtime: ModelRuntime
  readonly readModel: (name: ModelName) => Promise<StoredModel>
  /** Called for every run in which a model fails on rows, with what it did for one of them. */
  readonly onModelError?: (model: string, rows: number, problem: string) => void
}

/** The model that serves now. */
export const champion = 'champion'
/** For each offset the model that served it. */
export const served = 'served'

/**
 * The routing of a backtest. `model` is `champion`, `served`, the name of the heuristic, an ONNX file, or a version of
 * the stream's family. For `served`, a refused model is replaced by the heuristic as it was when it served; any other
 * choice throws MODEL_REFUSED. Throws UNKNOWN_MODEL, MODEL_MISMATCH, MODEL_DAMAGED.
 */
export async function modelOfBacktest(
  stream: CompiledStream,
  model: string,
  spans: readonly Span[],
  { view, runtime, readModel, onModelError }: ModelSources,
): Promise<ReplayRouting> {
  const options = { readModel, runtime, streams: [stream], onModelError }
  const load = (name: ModelName): Promise<Serving> => servingOf(options, name)
  const loadServed = (name: ModelName): Promise<Champion> => servingOrRefused(options, name)
  const family = stream.stream.model
  if (model === heuristicVersion) return fixedRouting(emptyRouting)
  if (model === served) return servedRouting(view, stream, spans, loadServed)
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
    ? await servingOfFile(stream, model, runtime, onModelError)
    : await load({ family, scope: 'global', version: model })
  return fixedRouting(withChampion(emptyRouting, family, 'global', serving))
}
