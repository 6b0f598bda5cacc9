import { pagedArena } from './arena.js'
import type { Memory } from './memory.js'

/**
 * One entity in the cache, and its memory: `absent` where it has been asked for and not been admitted, or was evicted.
 */
export interface Cached extends Memory {
  readonly key: string
  /** Index of its kind among the plan's entities. */
  readonly kind: number
  /** Changed since the last `takeDirty`. */
  dirty: boolean
  /** Taken and not yet committed, so many times. */
  taken: number
  /** Used since the hand last passed. */
  used: boolean
  /** The call of `missing` that last asked for it. */
  asked: number
  /** Where it is found by id. */
  readonly home: Map<string, Cached>
  readonly id: string
}

export const absent = new Float64Array(0)

/**
 * The entities in memory, about the least recently used dropped first (the clock algorithm: a hand goes round and drops
 * whatever was not used since it last passed). What is dirty, taken or just asked for stays, so the bound may be
 * exceeded until the next commit. Nothing but speed depends on what is cached.
 */
export class EntityCache {
  readonly #entities: Cached[] = []
  #hand = 0
  readonly arena = pagedArena()

  constructor(readonly bound: number) {}

  get size(): number {
    return this.#entities.length
  }

  /** An entity that is yet to be admitted. */
  open(key: string, kind: number, home: Map<string, Cached>, id: string): Cached {
    const entity: Cached = {
      key,
      kind,
      nums: absent,
      arena: this.arena,
      dirty: false,
      taken: 0,
      used: true,
      asked: 0,
      home,
      id,
    }
    home.set(id, entity)
    this.#entities.push(entity)
    return entity
  }

  /** Called between chunks: no entity that is being folded may go. */
  evict(): void {
    const entities = this.#entities
    for (let steps = 2 * entities.length; steps > 0 && entities.length > this.bound; steps--) {
      if (this.#hand >= entities.length) this.#hand = 0
      const entity = entities[this.#hand]!
      if (entity.dirty || entity.taken > 0 || entity.used) {
        entity.used = false
        this.#hand++
        continue
      }
      entity.home.delete(entity.id)
      if (entity.nums !== absent) this.arena.give(entity.nums)
      entity.nums = absent
      const last = entities.pop()!
      if (last !== entity) entities[this.#hand] = last
    }
  }
}
