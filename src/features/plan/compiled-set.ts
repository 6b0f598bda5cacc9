import { EntityBuilder, type EntityPlan } from '../kinds/entity.js'
import type { Event, Feature, FeatureSet } from '../feature.js'
import { readColumn, type ReadColumn } from '../event/columns.js'
import type { Memory } from '../memory/memory.js'
import type { Outputs } from '../kinds/part.js'
import { EventFeatures } from '../event/event-features.js'
import { isForgotten, reachOf } from './reach.js'
import { addReflective, isReflective } from '../kinds/reflection.js'
import { RowBuilder, type RowPlan } from '../event/row.js'
import { addSequential, type SequentialFeature } from '../kinds/sequential.js'
import { addWindowed, type WindowedFeature } from '../kinds/windowed.js'

/** A compiled feature set. Row and outputs are scratch space for one event at a time, in one thread. */
export interface CompiledSet {
  readonly set: FeatureSet
  readonly row: RowPlan
  readonly out: Outputs
  /** Only the entities that have features. */
  readonly entities: readonly CompiledEntity[]
  readonly tenantOf: ReadColumn
  readonly idOf: ReadColumn
  readonly timeOf: ReadColumn
  /** Index of the entity whose newest event decides what is late; -1 for the tenant. */
  readonly lateBy: number
  /** Columns of the entity whose clock gives the event times, and its index; -1 where it has no features. */
  readonly clock: { readonly columns: readonly ReadColumn[]; readonly kind: number }
  /** The value of every feature that is not written for an event. */
  readonly defaults: Float64Array
  /**
   * Writes the features that need no entity or are made of other features. Called after the entities. `memories` are in
   * the order of `entities`, undefined for an entity that the event lacks. With `keep`, the memories also remember the
   * features' values for the features made of them.
   */
  readonly finish: (memories: readonly (Memory | undefined)[], keep: boolean) => void
}

export interface CompiledEntity {
  readonly name: string
  readonly scope: 'tenant' | 'partition'
  readonly columns: readonly ReadColumn[]
  readonly plan: EntityPlan
  /** See `reachOf`. */
  readonly reachMs: number
}

/** Compiles a validated set. */
export function compileSet(set: FeatureSet): CompiledSet {
  const rowBuilder = new RowBuilder(set.time)
  let slots = 0
  const results = (count: number): number => (slots += count) - count
  const builders = new Map<string, EntityBuilder>()
  const builderOf = (by: string): EntityBuilder => {
    const builder = builders.get(by) ?? new EntityBuilder(rowBuilder, set.latenessMs, isForgotten(set, by), results)
    builders.set(by, builder)
    return builder
  }
  const ofEvent = new EventFeatures(rowBuilder)
  const last: Last[] = []
  const indexOf = new Map(set.features.map(({ name }, i) => [name, i]))
  set.features.forEach(({ feature }, at) => {
    if (isReflective(feature)) {
      const builder = builderOf(feature.by)
      const [kind, index] = [[...builders.keys()].indexOf(feature.by), addReflective(feature, at, builder, indexOf)]
      last.push((out, memories) => {
        const memory = memories[kind]
        if (memory !== undefined) entities[kind]!.plan.reflections[index]!(memory, row.row, out)
      })
    } else if ('by' in feature) {
      const builder = builderOf(feature.by)
      if ('windowMs' in feature) addWindowed(feature satisfies WindowedFeature, at, builder)
      else addSequential(feature satisfies SequentialFeature, at, builder)
    } else if (feature.kind === 'ratio' || feature.kind === 'difference') last.push(ofTwo(feature, at, indexOf))
    else ofEvent.add(feature, at)
  })
  const entities = [...builders].map(([name, builder]) => compiledEntity(set, name, builder))
  const row = rowBuilder.plan()
  const out: Outputs = { results: new Float64Array(slots), vector: new Float64Array(set.features.length) }
  return {
    set,
    row,
    out,
    entities,
    tenantOf: readColumn(set.tenant),
    idOf: readColumn(set.id),
    timeOf: readColumn(set.time),
    lateBy: entities.findIndex(({ name }) => name === set.latenessBy),
    clock: clockOf(set, entities),
    defaults: Float64Array.from(set.features, ({ feature }) => otherwiseOf(feature)),
    finish: (memories, keep) => {
      ofEvent.write(row.row, out.vector)
      for (let i = 0; i < last.length; i++) last[i]!(out, memories)
      if (!keep) return
      for (let kind = 0; kind < entities.length; kind++) {
        const memory = memories[kind]
        if (memory !== undefined) entities[kind]!.plan.reflect?.(memory, row.row, out)
      }
    },
  }
}

function compiledEntity(set: FeatureSet, name: string, builder: EntityBuilder): CompiledEntity {
  const { scope, columns } = set.entities[name]!
  return { name, scope, columns: columns.map(readColumn), plan: builder.plan(), reachMs: reachOf(set, name) }
}

function clockOf(set: FeatureSet, entities: readonly CompiledEntity[]): CompiledSet['clock'] {
  const clock = set.clock ?? Object.keys(set.entities)[0]
  const columns = clock === undefined ? [] : (set.entities[clock]?.columns ?? [])
  return { columns: columns.map(readColumn), kind: entities.findIndex(({ name }) => name === clock) }
}

type Memories = readonly (Memory | undefined)[]

/** Writes a feature that is made of others; called in the order of the vector. */
type Last = (out: Outputs, memories: Memories) => void

function ofTwo(
  feature: Extract<Feature, { readonly kind: 'ratio' | 'difference' }>,
  at: number,
  indexOf: ReadonlyMap<string, number>,
): Last {
  const [left, right] = (feature.kind === 'ratio' ? [feature.over, feature.under] : [feature.left, feature.right]).map(
    (name) => indexOf.get(name)!,
  ) as [number, number]
  if (feature.kind === 'difference') return ({ vector }) => void (vector[at] = vector[left]! - vector[right]!)
  return ({ vector }) => {
    const ratio = vector[left]! / vector[right]!
    if (Number.isFinite(ratio)) vector[at] = ratio
  }
}

/** Without an `otherwise` of its own a feature is 0, and a difference is missing (NaN). */
export const otherwiseOf = (feature: Feature): number =>
  'otherwise' in feature ? feature.otherwise : feature.kind === 'difference' ? Number.NaN : 0

/** The id of an entity in an event: the values of its columns as texts; undefined where one is null. */
export function idOf(columns: readonly ReadColumn[], event: Event, separator: string): string | undefined {
  const first = columns[0]!(event)
  if (columns.length === 1) return typeof first === 'string' ? first : textOf(first)
  const parts: string[] = []
  for (const column of columns) {
    const part = textOf(column(event))
    if (part === undefined) return undefined
    parts.push(part)
  }
  return parts.join(separator)
}

export function textOf(raw: unknown): string | undefined {
  if (typeof raw === 'string') return raw
  return typeof raw === 'number' || typeof raw === 'bigint' || typeof raw === 'boolean' ? String(raw) : undefined
}
