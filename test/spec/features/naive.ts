import type { Event, Feature, FeatureSet } from '../../../src/features/feature.js'
import { afterLast, ewma, neighbourDistance, seasonal, type Sequential } from './naive-past.js'
import { peak, surprise } from './naive-features.js'
import { get, type History, type Past } from './naive-history.js'
import { evaluate, matches } from '../../../src/features/event/values.js'
import { naiveLateness, type FoldedEvent } from './naive-lateness.js'
import { isForgotten, reachOf } from '../../../src/features/plan/reach.js'
import { windowed, type Windowed } from './naive-windows.js'
import type { Folded } from '../../../src/features/plan/plan.js'

/**
 * The meaning of the features: keep every event, filter, fold, with one simple function per kind. It is too slow for
 * the engine; it is the specification against which the fast plan is tested.
 */
export interface NaivePartition {
  fold(event: Event): { readonly folded: Folded; readonly vector: readonly number[] }
}

export function naive(set: FeatureSet, seenIds = Infinity): NaivePartition {
  const folded: FoldedEvent[] = []
  const ids: string[] = []
  const lateness = naiveLateness(set, (name, event) => keyOf(name, event), folded)
  const used = [...new Set(set.features.flatMap(({ feature }) => ('by' in feature ? [feature.by] : [])))]
  const tenantOf = (event: Event): unknown => event[set.tenant]
  const timeOf = (event: Event): number => event[set.time] as number

  const fold = (event: Event): ReturnType<NaivePartition['fold']> => {
    const id = JSON.stringify([tenantOf(event), event[set.id]])
    if (ids.slice(Math.max(0, ids.length - seenIds)).includes(id)) return { folded: 'duplicate', vector: [] }
    ids.push(id)
    const clockMs = lateness.confirmedMs(event)
    const judged = lateness.judge(event)
    const vector: number[] = []
    const histories = new Map(used.map((name) => [name, historyOf(name, event, vector, clockMs)]))
    for (const { feature } of set.features) vector.push(valueOf(feature, event, vector, histories))
    if (judged.late) return { folded: 'late', vector }
    const one: FoldedEvent = { event, vector, clockMs, revocable: new Set(), gone: new Set() }
    judged.mayTakeBack(
      one,
      used.flatMap((name) => keyOf(name, event) ?? []),
    )
    folded.push(one)
    return { folded: 'folded', vector }
  }

  const valueOf = (
    feature: Feature,
    event: Event,
    vector: readonly number[],
    histories: ReadonlyMap<string, History | undefined>,
  ): number => {
    const before = (name: string): number => vector[set.features.findIndex((one) => one.name === name)]!
    if (!('by' in feature)) return present(ofEvent(feature, event, before)) ?? otherwiseOf(feature)
    const history = histories.get(feature.by)
    return present(history === undefined ? undefined : ofHistory(feature, history, set)) ?? otherwiseOf(feature)
  }

  const keyOf = (name: string, event: Event): string | undefined => {
    const entity = set.entities[name]!
    const ids = entity.columns.map((column) => event[column])
    if (ids.some((part) => part === null || part === undefined)) return undefined
    return JSON.stringify([name, entity.scope === 'tenant' ? tenantOf(event) : null, ids.map(String)])
  }

  /** An entity without events for longer than its history is kept starts with an empty history. */
  const historyOf = (name: string, event: Event, vector: readonly number[], clockMs: number): History | undefined => {
    const key = keyOf(name, event)
    if (key === undefined) return undefined
    const reachMs = reachOf(set, name)
    let newestMs = -Infinity
    let past: Past[] = []
    const earlier = folded.filter((one) => keyOf(name, one.event) === key && !one.gone.has(key))
    for (const one of [...earlier, { event, vector, clockMs }]) {
      if (newestMs + reachMs < one.clockMs) [past, newestMs] = [[], -Infinity]
      newestMs = Math.max(newestMs, timeOf(one.event))
      const least = isForgotten(set, name) ? Math.max(newestMs, one.clockMs) : newestMs
      past.push({ ...one, timeMs: timeOf(one.event), asOfMs: Math.max(timeOf(one.event), least - set.latenessMs) })
    }
    return { self: past.at(-1)!, past: past.slice(0, -1) }
  }

  return { fold }
}

/** Undefined and NaN both mean that there is no value. */
const present = (value: number | undefined): number | undefined =>
  value === undefined || Number.isNaN(value) ? undefined : value

const otherwiseOf = (feature: Feature): number =>
  'otherwise' in feature ? feature.otherwise : feature.kind === 'difference' ? Number.NaN : 0

function ofEvent(
  feature: Exclude<Feature, { readonly by: string }>,
  event: Event,
  before: (name: string) => number,
): number | undefined {
  if (feature.kind === 'value') return evaluate(feature.value, get(event))
  if (feature.kind === 'flag') return matches(feature.where, get(event)) ? 1 : 0
  if (feature.kind === 'difference') return before(feature.left) - before(feature.right)
  const ratio = before(feature.over) / before(feature.under)
  return Number.isFinite(ratio) ? ratio : undefined
}

function ofHistory(
  feature: Extract<Feature, { readonly by: string }>,
  history: History,
  set: FeatureSet,
): number | undefined {
  switch (feature.kind) {
    case 'ewma':
      return ewma(feature, history)
    case 'seasonal':
      return seasonal(feature, history)
    case 'neighbour-distance':
      return neighbourDistance(feature, history)
    case 'surprise':
      return surprise(feature, history, set)
    case 'peak':
      return peak(feature, history, set)
    default:
      return 'windowMs' in feature
        ? windowed(feature satisfies Windowed, history)
        : afterLast(feature satisfies Sequential, history)
  }
}
