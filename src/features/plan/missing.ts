import type { FeatureSet } from '../feature.js'
import type { Value } from '../value.js'
import { otherwiseOf } from './compiled-set.js'

/** The columns of the events, as far as they decide what can be missing. */
export interface PresentColumns {
  /** Whether every event has a number, a time or a boolean in the column. */
  readonly number: (column: string) => boolean
  /** Whether every event has a text in the column. */
  readonly text: (column: string) => boolean
}

/**
 * For each feature of the vector, whether it can be missing (NaN). A feature that has an `otherwise` is never missing,
 * and neither is a value of columns that every event has. A window, or an earlier event, may be empty.
 */
export function canBeMissing(set: FeatureSet, present: PresentColumns): readonly boolean[] {
  const found = new Map<string, boolean>()
  for (const { name, feature } of set.features)
    found.set(
      name,
      feature.kind === 'difference'
        ? found.get(feature.left)! || found.get(feature.right)!
        : Number.isNaN(otherwiseOf(feature)) && !(feature.kind === 'value' && isPresent(feature.value, present)),
    )
  return [...found.values()]
}

/** Whether the value of every event is a number. A division by 0 and a logarithm may give none. */
function isPresent(value: Value, present: PresentColumns): boolean {
  if ('clock' in value) return present.number(value.column)
  if ('between' in value) return value.between.every(present.number)
  if ('left' in value) return value.op !== '/' && isPresent(value.left, present) && isPresent(value.right, present)
  if ('of' in value) {
    if (value.op === 'log1p') return false
    return value.op === 'abs' ? isPresent(value.of, present) : 'column' in value.of && present.text(value.of.column)
  }
  if ('within' in value) return isPresent(value.within, present)
  if ('missing' in value || 'constant' in value) return true
  if ('km' in value) return value.km.every(present.number)
  return present.number(value.column)
}
