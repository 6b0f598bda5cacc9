import { createHash } from 'node:crypto'
import { FEATURE_SEMANTICS, type FeatureSet } from '../feature.js'

/**
 * What a vector means, as 16 hexadecimal characters: key, time, tenant, the entities that features belong to, the
 * features in order and the version of their semantics. Names of entities that nothing uses, the lateness and the order
 * in which properties are written do not count.
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

/** JSON with sorted keys; numbers that JSON cannot write (NaN, infinities) keep their names. */
function canonical(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`
}
