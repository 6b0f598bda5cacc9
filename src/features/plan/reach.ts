import type { Feature, FeatureSet } from '../feature.js'

/**
 * How long, in event time, an entity's history outlives its newest event, ms. When the clock of its tenant has passed
 * that, no event in time reads any of it, and it is forgotten: whoever comes then, a late event too, finds nothing.
 * The events alone decide this, so nobody can tell whether a store has dropped the blob meanwhile.
 *
 * Infinity where there is no such clock: tenants that share an entity are each at their own time, and so are the
 * sources of a set that judges lateness by them.
 */
export function reachOf(set: FeatureSet, entity: string): number {
  if (set.latenessBy !== undefined || set.entities[entity]!.scope !== 'tenant') return Infinity
  const own = set.features.filter(({ feature }) => 'by' in feature && feature.by === entity)
  return Math.max(...own.map(({ feature }) => horizonOf(feature))) + set.latenessMs
}

/** Slots of a season are whole and local: their history reaches back a slot and two offsets further. */
function horizonOf(feature: Feature): number {
  if ('windowMs' in feature) return feature.windowMs
  if (!('horizonMs' in feature)) return 0
  return feature.kind === 'seasonal' ? feature.horizonMs + seasonSlackMs : feature.horizonMs
}

const seasonSlackMs = 9 * 86_400_000
