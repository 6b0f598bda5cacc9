import { EngineError } from '../../base/errors.js'
import { heap } from '../memory/arena.js'
import { decodeMemory } from '../memory/blob.js'
import { memoryIn } from '../memory/copies.js'
import type { CompiledSet } from './compiled-set.js'
import type { Feature, FeatureSet } from '../feature.js'

/** The features that depend on one entity only, read from its blob as of a time. See `Plan.describe`. */
export function describe(
  compiledSet: CompiledSet,
  entity: string,
  blob: Buffer | undefined,
  atMs: number,
): Readonly<Record<string, number>> {
  const { set, entities, row, out, defaults } = compiledSet
  if (!Object.hasOwn(set.entities, entity))
    throw new EngineError(
      'UNKNOWN_ENTITY',
      `stream ${set.stream} has no entity '${entity}'; it has ${Object.keys(set.entities).join(', ')}`,
    )
  const compiled = entities.find(({ name }) => name === entity)
  if (compiled === undefined) return {}
  const { plan } = compiled
  row.clear(atMs)
  out.vector.set(defaults)
  const memory = {
    nums: blob === undefined ? plan.layout.blank(heap) : decodeMemory(memoryIn(blob), plan.layout, heap),
    arena: heap,
  }
  plan.read(memory, row.row, out)
  compiledSet.finish(
    entities.map((one) => (one === compiled ? memory : undefined)),
    false,
  )
  const own = ownFeatures(set, entity)
  return Object.fromEntries(set.features.flatMap(({ name }, i) => (own.has(name) ? [[name, out.vector[i]!]] : [])))
}

/** Names of the features that depend only on the entity's history and a time. */
function ownFeatures(set: FeatureSet, entity: string): ReadonlySet<string> {
  const own = new Set<string>()
  for (const { name, feature } of set.features) {
    const alone =
      'by' in feature
        ? feature.by === entity && !needsEvent(feature)
        : operandsOf(feature).length > 0 && operandsOf(feature).every((operand) => own.has(operand))
    if (alone) own.add(name)
  }
  return own
}

const operandsOf = (feature: Feature): readonly string[] =>
  feature.kind === 'ratio'
    ? [feature.over, feature.under]
    : feature.kind === 'difference'
      ? [feature.left, feature.right]
      : []

function needsEvent(feature: Extract<Feature, { readonly by: string }>): boolean {
  switch (feature.kind) {
    case 'zscore':
    case 'robust-zscore':
    case 'others-since':
    case 'familiarity':
    case 'changed':
    case 'delta':
    case 'rate':
    case 'distance-km':
    case 'speed-kmh':
    case 'neighbour-distance':
    case 'surprise':
      return true
    case 'trend':
      return feature.as !== 'slope'
    case 'ewma':
      return feature.as !== 'mean'
    case 'seasonal':
      return feature.as !== 'mean' || feature.offset !== undefined
    default:
      return false
  }
}
