import { pagedArena } from './arena.js'
import type { Memory } from './memory.js'
import type { Clock } from './time-mark.js'

/**
 * One entity in the cache, with its memory. The memory is `absent` before the entity is admitted and after its
 * eviction.
 */
export interface Cached extends Memory {
  readonly key: string
  /** Index of its kind among the plan's entities. */
  readonly kind: number
  /** The clock of its tenant. An entity that tenants share has the clock of the first one; nothing is read from it. */
  readonly tenant: Clock
  /** Its own clock while one of its events is far ahead; only where it judges its own lateness. */
  clock: Clock | undefined
  /** Its memory without the events of candidates of one clock, the earliest candidate first. */
  copies: readonly Copy[]
  /** Changed since the last `takeDirty`. */
  dirty: boolean
  /** How many times it was taken and not yet committed. */
  taken: number
  /** Used since the last visit of the clock hand. */
  used: boolean
  /** Number of the call of `missing` that last asked for it. */
  asked: number
  /** The map that finds it by id. */
  readonly home: Map<string, Cached>
  readonly id: string
}

/** A memory as it would be without the events of a candidate and of later ones. See `time-mark.ts`. */
export interface Copy extends Memory {
  /** Owner of the clock, and the candidate's id. */
  readonly owner: string
  readonly id: number
}

export const noCopies: readonly Copy[] = []

export const absent = new Float64Array(0)

/**
 * The entities in memory. It evicts approximately the least recently used ones (clock algorithm: a hand visits the
 * entities in a circle and evicts those not used since its last visit). Entities that are dirty, taken or just asked
 * for stay, so the bound may be exceeded until the next commit. The cache changes only the speed, not the results.
 */
export class EntityCache {
  readonly #entities: Cached[] = []
  #hand = 0
  readonly arena = pagedArena()

  constructor(readonly bound: number) {}

  get size(): number {
    return this.#entities.length
  }

  /** Adds an entity that must still be admitted. */
  open(key: string, kind: number, home: Map<string, Cached>, id: string, tenant: Clock): Cached {
    const entity: Cached = {
      key,
      kind,
      nums: absent,
      arena: this.arena,
      tenant,
      clock: undefined,
      copies: noCopies,
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

  /** Called between chunks only, because entities in use must not be evicted. */
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
