import type { Feature, FeatureSet } from '../feature.js'

/**
 * How long after its newest event an entity's history is used, ms of event time. When the clock of its tenant is past
 * that time, no event that is in time reads any of the history, and it is forgotten: every later event, also a late
 * one, finds it empty. The events alone decide this, so it makes no difference whether a store has dropped the blob.
 *
 * Infinity where there is no such clock: tenants that share an entity each have their own time, and so have the sources
 * of a set with `latenessBy`.
 */
export function reachOf(set: FeatureSet, entity: string): number {
  if (!isForgotten(set, entity)) return Infinity
  const own = set.features.filter(({ feature }) => 'by' in feature && feature.by === entity)
  return Math.max(...own.map(({ feature }) => horizonOf(feature))) + set.latenessMs
}

/** Whether the clock of its tenant decides how much of the entity's history is used. */
export const isForgotten = (set: FeatureSet, entity: string): boolean =>
  set.latenessBy === undefined && set.entities[entity]!.scope === 'tenant'

/** Slots of a season are whole and in local time, so its history reaches back further: by one slot and two offsets. */
function horizonOf(feature: Feature): number {
  if ('windowMs' in feature) return feature.windowMs
  if (!('horizonMs' in feature)) return 0
  return feature.kind === 'seasonal' ? feature.horizonMs + seasonSlackMs : feature.horizonMs
}

const seasonSlackMs = 9 * 86_400_000
