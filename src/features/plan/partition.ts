import { EngineError } from '../../base/errors.js'
import { unready } from './unready.js'
import { heap } from '../memory/arena.js'
import { Slab } from '../memory/blob.js'
import { clocksKey, decodeClocks, encodeClocks, oldestMs } from '../memory/clocks.js'
import { textOf, type CompiledSet } from './compiled-set.js'
import { decodeEntity, encodeEntity } from '../memory/copies.js'
import { absent, EntityCache, type Cached } from '../memory/entity-cache.js'
import { LEAST_AS_OF } from '../event/row.js'
import type { Event } from '../feature.js'
import { Judge } from './judge.js'
import { Lookup, type Tenant } from './lookup.js'
import { NEWEST, type Memory } from '../memory/memory.js'
import type { ClockAhead, Dirty, Folded, PartitionState } from './plan.js'
import { seenIndexKey, SeenIds } from '../memory/seen-ids.js'
import { TakenBack } from './taken-back.js'

/** Partition blobs never expire. */
const never = Number.MAX_SAFE_INTEGER

export class Partition implements PartitionState {
  readonly #compiled: CompiledSet
  readonly #seen: SeenIds
  readonly #cache: EntityCache
  readonly #lookup: Lookup
  readonly #back: TakenBack
  readonly #judge: Judge
  /** Tenants with events, in the order of their first event: the content of the blob of clocks. */
  readonly #tenants: Tenant[] = []
  /** The partition's own keys that must still be admitted. */
  #own: readonly string[]
  /** Entities asked for, by key. */
  readonly #asked = new Map<string, Cached>()
  #calls = 0
  #dirty: Cached[] = []
  #clocksDirty = false
  /** Scratch space: the memories of the event's entities. */
  readonly #memories: (Memory | undefined)[]

  constructor(compiled: CompiledSet, cachedEntities: number, seenIds: number) {
    this.#compiled = compiled
    this.#seen = new SeenIds(seenIds)
    this.#cache = new EntityCache(cachedEntities)
    this.#lookup = new Lookup(compiled, this.#cache)
    this.#back = new TakenBack(compiled, this.#lookup, (entity) => this.#changed(entity))
    this.#judge = new Judge(compiled, this.#lookup, this.#back)
    this.#memories = compiled.entities.map(() => undefined)
    this.#own = seenIds === 0 ? [clocksKey] : [clocksKey, seenIndexKey]
  }

  missing(events: readonly Event[]): readonly string[] {
    if (!this.#lookup.holds(events)) {
      this.#cache.evict()
      this.#lookup.find(events)
    }
    const keys = [...this.#own]
    const call = ++this.#calls
    this.#lookup.collect((entity) => {
      if (entity.nums !== absent || entity.asked === call) return
      entity.asked = call
      this.#asked.set(entity.key, entity)
      keys.push(entity.key)
    })
    return keys
  }

  admit(keys: readonly string[], blobs: readonly (Buffer | undefined)[]): void {
    keys.forEach((key, i) => {
      const entity = this.#asked.get(key)
      if (entity === undefined) return
      this.#asked.delete(key)
      if (entity.nums !== absent) return
      const { layout } = this.#compiled.entities[entity.kind]!.plan
      const blob = blobs[i]
      if (blob === undefined) entity.nums = layout.blank(entity.arena)
      else decodeEntity(entity, blob, layout)
    })
    if (this.#own.length > 0) this.#admitOwn(new Map(keys.map((key, i) => [key, blobs[i]])))
  }

  /** Reads first the clocks and the index of ids, then all segments of ids that the index names. */
  #admitOwn(blobs: ReadonlyMap<string, Buffer | undefined>): void {
    if (!this.#own.every((key) => blobs.has(key))) return
    if (this.#own[0] === clocksKey) {
      const clocks = blobs.get(clocksKey)
      for (const clock of clocks === undefined ? [] : decodeClocks(clocks)) {
        const tenant = this.#lookup.tenant(clock.owner)
        Object.assign(tenant.clock, clock)
        this.#know(tenant)
      }
      this.#own = this.#seen.open(blobs.get(seenIndexKey))
      return
    }
    this.#seen.admit(this.#own.map((key) => blobs.get(key)))
    this.#own = []
  }

  #know(tenant: Tenant): void {
    if (tenant.isKnown) return
    tenant.isKnown = true
    this.#tenants.push(tenant)
  }

  fold(event: Event, vectors: Float32Array, at: number): Folded {
    const { idOf: eventId, timeOf, set, row } = this.#compiled
    if (this.#own.length > 0) throw unready('its own state')
    const timeMs = timeOf(event)
    if (typeof timeMs !== 'number' || !Number.isFinite(timeMs))
      throw new EngineError('BAD_FIELD', `the event's ${set.time} is no time`)
    const index = this.#lookup.indexOf(event)
    const tenant = this.#lookup.tenantAt(index)
    const copies = this.#haveCopies(index)
    if (!this.#seen.add(tenant.seeds, textOf(eventId(event)) ?? '')) return 'duplicate'
    const clockMs = tenant.clock.confirmedMs
    const late = this.#judge.isLate(event, index, tenant, timeMs)
    if (this.#judge.changed) {
      this.#know(tenant)
      this.#clocksDirty = true
    }
    row.fill(event)
    row.row.numbers[LEAST_AS_OF] = clockMs - set.latenessMs
    if (late) this.#foldLate(index, clockMs)
    else if (copies || this.#judge.candidate !== undefined) this.#foldInBoth(index, clockMs)
    else this.#foldInTime(index, clockMs)
    this.#write(vectors, at)
    return late ? 'late' : 'folded'
  }

  /** Whether an entity of the event has copies. Throws where one was not admitted. */
  #haveCopies(index: number): boolean {
    const kinds = this.#compiled.entities.length
    let copies = false
    for (let kind = 0; kind < kinds; kind++) {
      const entity = this.#lookup.entityAt(index, kind)
      if (entity === undefined) continue
      if (entity.nums === absent) throw unready(JSON.stringify(entity.key))
      if (entity.copies.length > 0) copies = true
    }
    return copies
  }

  /** `clockMs` is the tenant's confirmed time before the event. */
  #foldInTime(index: number, clockMs: number): void {
    const { entities, row, out, defaults } = this.#compiled
    out.vector.set(defaults)
    for (let kind = 0; kind < entities.length; kind++) {
      const entity = this.#lookup.entityAt(index, kind)
      this.#memories[kind] = entity
      if (entity === undefined) continue
      const { plan, reachMs } = entities[kind]!
      if (entity.nums[NEWEST]! + reachMs < clockMs) this.#forget(entity)
      plan.fold(entity, row.row, out)
      this.#changed(entity)
    }
    this.#compiled.finish(this.#memories, true)
  }

  #forget(entity: Cached): void {
    entity.arena.give(entity.nums)
    entity.nums = this.#compiled.entities[entity.kind]!.plan.layout.blank(entity.arena)
  }

  /** Copies memories before an event changes them that may be taken back, and folds other events into all copies. */
  #foldInBoth(index: number, clockMs: number): void {
    const { candidate, owner } = this.#judge
    const { entities } = this.#compiled
    for (let kind = 0; kind < entities.length; kind++) {
      const entity = this.#lookup.entityAt(index, kind)
      if (entity === undefined) continue
      const { reachMs } = entities[kind]!
      if (entity.nums[NEWEST]! + reachMs < clockMs) this.#forget(entity)
      if (candidate !== undefined && this.#back.save(entity, owner, candidate)) continue
      this.#back.foldCopies(entity, ({ nums }) => nums[NEWEST]! + reachMs < clockMs)
    }
    this.#foldInTime(index, clockMs)
    for (let kind = 0; kind < entities.length; kind++) {
      const entity = this.#lookup.entityAt(index, kind)
      if (entity !== undefined && !this.#judge.takesBack(entity)) this.#back.reflectCopies(entity)
    }
  }

  /** A late event is folded into temporary copies. */
  #foldLate(index: number, clockMs: number): void {
    const { entities, row, out, defaults } = this.#compiled
    out.vector.set(defaults)
    for (let kind = 0; kind < entities.length; kind++) {
      const entity = this.#lookup.entityAt(index, kind)
      this.#memories[kind] = undefined
      if (entity === undefined) continue
      const { plan, reachMs } = entities[kind]!
      const expired = entity.nums[NEWEST]! + reachMs < clockMs
      const memory = { nums: expired ? plan.layout.blank(heap) : entity.nums.slice(), arena: heap }
      this.#memories[kind] = memory
      plan.fold(memory, row.row, out)
    }
    this.#compiled.finish(this.#memories, false)
  }

  #changed(entity: Cached): void {
    if (entity.dirty) return
    entity.dirty = true
    this.#dirty.push(entity)
  }

  #write(vectors: Float32Array, at: number): void {
    const { vector } = this.#compiled.out
    const start = at * vector.length
    for (let i = 0; i < vector.length; i++) vectors[start + i] = vector[i]!
  }

  takeAhead(): readonly ClockAhead[] {
    return this.#judge.takeAhead()
  }

  takeDirty(): Dirty {
    const taken = this.#dirty
    this.#dirty = []
    const slab = new Slab()
    const puts: { key: string; blob: Buffer; expiresAtMs: number }[] = []
    const deletes: string[] = []
    for (const entity of taken) {
      entity.dirty = false
      entity.taken++
      // An entity whose only events were taken back has no blob, as if they had never been.
      if (entity.nums[NEWEST] === -Infinity && entity.copies.length === 0 && entity.clock === undefined)
        deletes.push(entity.key)
      else puts.push(this.#put(entity, slab))
    }
    const clocks = this.#tenants.map(({ clock }) => clock)
    if (this.#clocksDirty) puts.push({ key: clocksKey, blob: encodeClocks(clocks), expiresAtMs: never })
    this.#clocksDirty = false
    const seen = this.#seen.takeDirty()
    for (const { key, blob } of seen.puts) puts.push({ key, blob, expiresAtMs: never })
    let open = true
    const committed = (): void => {
      if (open) for (const entity of taken) entity.taken--
      open = false
    }
    return { puts, deletes: [...deletes, ...seen.deletes], clockMs: oldestMs(clocks), committed }
  }

  /** While no time of the tenant is confirmed, nothing says when its blobs expire. */
  #put(entity: Cached, slab: Slab): Dirty['puts'][number] {
    const { plan, reachMs } = this.#compiled.entities[entity.kind]!
    const blob = encodeEntity(entity, plan.layout, slab)
    const isTimed = entity.tenant.confirmedMs > -Infinity && entity.copies.length === 0
    return { key: entity.key, blob, expiresAtMs: isTimed ? Math.min(never, entity.nums[NEWEST]! + reachMs) : never }
  }
}
