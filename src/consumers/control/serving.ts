import { EngineError } from '../../base/errors.js'
import type { ModelRuntime } from '../../scorers/model-runtime.js'
import type { ModelName, StoredModel } from '../../scorers/model-store.js'
import type { Serving } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'

export interface ServingOptions {
  readonly streams: readonly CompiledStream[]
  readonly runtime: ModelRuntime
  /** Throws UNKNOWN_MODEL, MODEL_DAMAGED. */
  readonly readModel: (name: ModelName) => Promise<StoredModel>
}

/** Loads a model and proves that it fits the stream that it is to serve. MODEL_MISMATCH, and errors of `readModel`. */
export async function servingOf({ readModel, runtime, streams }: ServingOptions, name: ModelName): Promise<Serving> {
  const label = `${name.family}/${name.scope}/${name.version}`
  const { manifest, model } = await readModel(name)
  const target = streams.find((one) => one.stream.model === name.family)
  if (target !== undefined && manifest.fingerprint !== target.plan.fingerprint)
    throw new EngineError(
      'MODEL_MISMATCH',
      `model ${label} was trained on vectors ${manifest.fingerprint}, stream ${target.stream.name} now makes ` +
        `${target.plan.fingerprint}; train it again on the changed features`,
    )
  const session = await runtime.open(model)
  if (session.width !== manifest.features.length)
    throw new EngineError(
      'MODEL_MISMATCH',
      `model ${label} takes ${session.width} features, its manifest names ${manifest.features.length}`,
    )
  const thresholds = manifest.thresholds ?? target?.stream.risk ?? { medium: 0.5, high: 0.8 }
  const typical = Float32Array.from(manifest.features, (feature) => manifest.reference[feature]?.median ?? NaN)
  return { version: manifest.version, session, thresholds, typical }
}
