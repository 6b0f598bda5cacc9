import { heap } from '../memory/arena.js'
import type { CompiledSet } from './compiled-set.js'
import { absent, noCopies, type Cached, type Copy } from '../memory/entity-cache.js'
import type { Lookup, Tenant } from './lookup.js'
import type { Candidate, Touched } from '../memory/time-mark.js'

/**
 * Events that may be taken back. Before an event far past the time mark changes a memory, the memory is copied. The
 * copy is kept as if the event had never been: it folds whatever else comes. When the event turns out to be from the
 * future, the copies take the place of the memories.
 */
export class TakenBack {
  readonly #compiled: CompiledSet
  readonly #lookup: Lookup
  readonly #changed: (entity: Cached) => void

  constructor(compiled: CompiledSet, lookup: Lookup, changed: (entity: Cached) => void) {
    this.#compiled = compiled
    this.#lookup = lookup
    this.#changed = changed
  }

  /**
   * Copies a memory that an event of the candidate will change. An entity has copies for one clock at a time: while
   * another clock has some, the event counts for good there. Returns whether the entity has the candidate's copy.
   */
  save(entity: Cached, owner: string, candidate: Candidate): boolean {
    const { copies } = entity
    if (candidate.touched === undefined || (copies.length > 0 && copies[0]!.owner !== owner)) return false
    if (copies.at(-1)?.id === candidate.id) return true
    entity.copies = [...copies, { owner, id: candidate.id, nums: entity.nums.slice(), arena: heap }]
    candidate.touched.push({ kind: entity.kind, id: entity.id })
    return true
  }

  /** Folds the row into the copies of an entity, as if it had never seen the events that may be taken back. */
  foldCopies({ copies, kind }: Cached, expired: (copy: Copy) => boolean): void {
    const { row, out, entities } = this.#compiled
    const { plan } = entities[kind]!
    for (const copy of copies) {
      if (expired(copy)) copy.nums = plan.layout.blank(heap)
      plan.fold(copy, row.row, out)
    }
  }

  /** The copies remember the features that the event was given. */
  reflectCopies({ copies, kind }: Cached): void {
    const { row, out, entities } = this.#compiled
    for (const copy of copies) entities[kind]!.plan.reflect?.(copy, row.row, out)
  }

  /** Undoes the events of a candidate. Later candidates are undone already. */
  restore(tenant: Tenant, owner: string, { id, touched }: Candidate): void {
    if (touched === undefined) return
    for (const one of touched) {
      const entity = this.#loaded(tenant, one)
      const copy = entity.copies.find((saved) => saved.owner === owner && saved.id === id)
      if (copy === undefined) continue
      entity.arena.give(entity.nums)
      entity.nums = entity.arena.take(copy.nums.length)
      entity.nums.set(copy.nums)
      this.#without(entity, copy)
    }
  }

  /** The events of a candidate count for good. */
  keep(tenant: Tenant, owner: string, id: number, touched: readonly Touched[]): void {
    for (const one of touched) {
      const entity = this.#loaded(tenant, one)
      const copy = entity.copies.find((saved) => saved.owner === owner && saved.id === id)
      if (copy !== undefined) this.#without(entity, copy)
    }
  }

  #without(entity: Cached, copy: Copy): void {
    entity.copies = entity.copies.length === 1 ? noCopies : entity.copies.filter((one) => one !== copy)
    this.#changed(entity)
  }

  #loaded(tenant: Tenant, touched: Touched): Cached {
    const entity = this.#lookup.touched(tenant, touched)
    if (entity.nums === absent)
      throw new Error(`the partition was asked to fold before ${JSON.stringify(entity.key)} was admitted`)
    return entity
  }
}
