import type { Event } from '../../../src/features/feature.js'
import type { Dirty, Folded, PartitionState, Plan } from '../../../src/features/plan/plan.js'

/** Committed blobs by key, like a state store for one partition. */
export type Blobs = Map<string, Buffer>

export interface Step {
  readonly folded: Folded
  /** As doubles, before they become the model's single-precision floats. */
  readonly vector: readonly number[]
}

/** Loads the blobs that the events need, in as many rounds as needed. */
export function prepare(state: PartitionState, events: readonly Event[], blobs: Blobs): void {
  for (let keys = state.missing(events); keys.length > 0; keys = state.missing(events))
    state.admit(
      keys,
      keys.map((key) => blobs.get(key)),
    )
}

/** A vector of doubles; the plan only assigns to its elements. */
export function foldOne(plan: Plan, state: PartitionState, event: Event): Step {
  const vector = new Float64Array(plan.width)
  const folded = state.fold(event, vector as unknown as Float32Array, 0)
  return { folded, vector: folded === 'duplicate' ? [] : [...vector] }
}

export function commit(state: PartitionState, blobs: Blobs): Dirty {
  const dirty = state.takeDirty()
  for (const { key, blob } of dirty.puts) blobs.set(key, Buffer.from(blob))
  for (const key of dirty.deletes) blobs.delete(key)
  dirty.committed()
  return dirty
}

/** How a run divides the log into chunks, and what it does after each. */
export interface Cut {
  readonly events: number
  readonly then: 'continue' | 'commit' | 'restart'
}

export interface Bounds {
  readonly cachedEntities: number
  readonly seenIds: number
}

/** Folds a log chunk by chunk, using the cuts in a cycle, and commits at the end. */
export function run(
  plan: Plan,
  log: readonly Event[],
  cuts: readonly Cut[],
  { cachedEntities, seenIds }: Bounds,
): { readonly steps: readonly Step[]; readonly blobs: Blobs } {
  const blobs: Blobs = new Map()
  const steps: Step[] = []
  let state = plan.open(cachedEntities, seenIds)
  for (let at = 0, turn = 0; at < log.length; turn++) {
    const cut = cuts[turn % cuts.length]!
    const chunk = log.slice(at, at + cut.events)
    prepare(state, chunk, blobs)
    for (const event of chunk) steps.push(foldOne(plan, state, event))
    at += chunk.length
    if (cut.then === 'continue') continue
    commit(state, blobs)
    if (cut.then === 'restart') state = plan.open(cachedEntities, seenIds)
  }
  commit(state, blobs)
  return { steps, blobs }
}

/** Folds one chunk after another with one state. */
export const inOneGo = (plan: Plan, log: readonly Event[], seenIds = 1_000) =>
  run(plan, log, [{ events: 7, then: 'continue' }], { cachedEntities: 1_000, seenIds })
