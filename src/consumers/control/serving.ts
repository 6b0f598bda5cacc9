import { EngineError, isEngineError } from '../../base/errors.js'
import type { ModelRuntime } from '../../scorers/model-runtime.js'
import { labelOf, type Manifest, type ModelName, type StoredModel } from '../../scorers/model-store.js'
import { probe, type ModelInputs } from '../../scorers/probe.js'
import type { Champion, Serving } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'

export interface ServingOptions {
  readonly streams: readonly CompiledStream[]
  readonly runtime: ModelRuntime
  /** Throws UNKNOWN_MODEL, MODEL_DAMAGED. */
  readonly readModel: (name: ModelName) => Promise<StoredModel>
  /** Called for every run in which the model (family/scope/version) fails on rows, with what it did for one of them. */
  readonly onModelError?: ((model: string, rows: number, problem: string) => void) | undefined
  /** Called when a model is loaded or refused. */
  readonly onModel?: ((model: string) => void) | undefined
  /** Called with what a model that can serve cannot do, for example score infinite values. */
  readonly onModelNote?: ((model: string, note: string) => void) | undefined
}

/**
 * Loads a model and proves that it fits the stream that it is to serve, and that its answers are scores.
 * MODEL_MISMATCH, MODEL_REFUSED, and errors of `readModel`.
 */
export async function servingOf(options: ServingOptions, name: ModelName): Promise<Serving> {
  const { readModel, runtime, streams, onModelNote } = options
  const label = labelOf(name)
  const { manifest, model } = await readModel(name)
  const target = streams.find((one) => one.stream.model === name.family)
  if (target !== undefined && manifest.fingerprint !== target.plan.fingerprint)
    throw new EngineError(
      'MODEL_MISMATCH',
      `model ${label} was trained on vectors ${manifest.fingerprint}, stream ${target.stream.name} now makes ` +
        `${target.plan.fingerprint}; train it again on the changed features`,
    )
  const thresholds = manifest.thresholds ?? target?.stream.risk ?? { medium: 0.5, high: 0.8 }
  const typical = Float32Array.from(manifest.features, (feature) => manifest.reference[feature]?.median ?? NaN)
  try {
    const session = await runtime.open(model)
    if (session.width !== manifest.features.length)
      throw new EngineError(
        'MODEL_MISMATCH',
        `model ${label} takes ${session.width} features, its manifest names ${manifest.features.length}`,
      )
    const note = await probe(session, { ...inputsOf(manifest, target), typical })
    if (note !== undefined) onModelNote?.(label, note)
    return { version: manifest.version, session, thresholds, typical, ...reporting(options, label) }
  } catch (error) {
    if (!isEngineError(error, 'MODEL_REFUSED')) throw error
    throw new EngineError('MODEL_REFUSED', `model ${label} cannot serve: ${error.message}`)
  }
}

/**
 * The same for the engine at work: a refused model does not end it. The heuristic scores the rows of such a model, and
 * says so in each of them.
 */
export async function servingOrRefused(options: ServingOptions, name: ModelName): Promise<Champion> {
  options.onModel?.(labelOf(name))
  try {
    return await servingOf(options, name)
  } catch (error) {
    if (!isEngineError(error, 'MODEL_REFUSED')) throw error
    return { version: name.version, refused: error.message, ...reporting(options, labelOf(name)) }
  }
}

const reporting = ({ onModelError }: ServingOptions, label: string): Pick<Serving, 'onError'> =>
  onModelError === undefined ? {} : { onError: (rows, problem) => onModelError(label, rows, problem) }

/** The manifest's features as the stream may give them. */
function inputsOf({ features, reference }: Manifest, target: CompiledStream | undefined): Omit<ModelInputs, 'typical'> {
  return {
    names: features,
    canBeMissing: target?.canBeMissing ?? [],
    known: features.map((feature) => (reference[feature]?.bins?.edges ?? []).filter(Number.isFinite)),
  }
}
