import { createHash } from 'node:crypto'
import { FEATURE_SEMANTICS, type FeatureSet } from '../feature.js'

/**
 * The meaning of a vector as 16 hexadecimal characters: key, time, tenant, the entities that have features, the
 * features in order, and the version of their semantics. Unused entities, the lateness and the order of properties do
 * not count.
 */
export function fingerprintOf(set: FeatureSet): string {
  const used = new Set(set.features.flatMap(({ feature }) => ('by' in feature ? [feature.by] : [])))
  const entities = Object.fromEntries(Object.entries(set.entities).filter(([name]) => used.has(name)))
  const meaning = {
    semantics: FEATURE_SEMANTICS,
    key: set.key,
    time: set.time,
    tenant: set.tenant,
    entities,
    features: set.features.map(({ name, feature }) => [name, feature]),
  }
  return createHash('sha256').update(canonical(meaning)).digest('hex').slice(0, 16)
}

/** JSON with sorted keys. Numbers that JSON cannot write (NaN, infinities) are written as their names. */
function canonical(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`
}
