import { EngineError } from '../errors.js'
import type { FeatureSet } from './feature.js'
import type { Plan } from './plan.js'

/** Compiles a feature set. Throws BAD_STREAM naming the feature and what is wrong with it. */
export function compile(set: FeatureSet): Plan {
  throw new EngineError('BAD_STREAM', `stream ${set.stream}: not compiled yet`)
}
