import { EngineError } from '../../base/errors.js'
import { keySeparator } from '../../base/keys.js'
import { heap } from '../memory/arena.js'
import { decodeMemory, encodeMemory, Slab } from '../memory/blob.js'
import { clocksKey, decodeClocks, encodeClocks, oldestMs, type TenantClock } from '../memory/clocks.js'
import { idOf, textOf, type CompiledSet } from './compiled-set.js'
import { absent, EntityCache, type Cached } from '../memory/entity-cache.js'
import { entityKey } from './entity-key.js'
import { LEAST_AS_OF } from '../event/row.js'
import type { Event } from '../feature.js'
import { NEWEST, type Layout, type Memory } from '../memory/memory.js'
import type { Dirty, Folded, PartitionState } from './plan.js'
import { idSeeds, seenIndexKey, SeenIds, type IdSeeds } from '../memory/seen-ids.js'

/** A tenant in the cache: its clock, and its entities of each kind by id. */
interface Tenant extends TenantClock {
  readonly seeds: IdSeeds
  readonly entities: readonly Map<string, Cached>[]
}

/** Partition blobs never expire. */
const never = Number.MAX_SAFE_INTEGER

export class Partition implements PartitionState {
  readonly #compiled: CompiledSet
  readonly #seen: SeenIds
  readonly #cache: EntityCache
  readonly #tenants = new Map<string, Tenant>()
  /** Tenants with events, in the order of their first event: the content of the blob of clocks. */
  readonly #clocks: Tenant[] = []
  /** Entities that are shared by all tenants, by kind. */
  readonly #shared: readonly Map<string, Cached>[]
  /** The partition's own keys that must still be admitted. */
  #own: readonly string[]
  /** Entities asked for, by key. */
  readonly #asked = new Map<string, Cached>()
  #calls = 0
  #dirty: Cached[] = []
  #clocksDirty = false
  /** The events of the last lookup, their tenants and entities, and the next event, so that `fold` needs no lookup. */
  #events: readonly Event[] = []
  readonly #eventTenants: Tenant[] = []
  readonly #eventEntities: (Cached | undefined)[] = []
  #next = 0
  /** Scratch space: the memories of the event's entities. */
  readonly #memories: (Memory | undefined)[]

  constructor(compiled: CompiledSet, cachedEntities: number, seenIds: number) {
    this.#compiled = compiled
    this.#seen = new SeenIds(seenIds)
    this.#cache = new EntityCache(cachedEntities)
    this.#memories = compiled.entities.map(() => undefined)
    this.#shared = compiled.entities.map(() => new Map<string, Cached>())
    this.#own = seenIds === 0 ? [clocksKey] : [clocksKey, seenIndexKey]
  }

  missing(events: readonly Event[]): readonly string[] {
    if (events !== this.#events || this.#next !== 0) {
      this.#cache.evict()
      this.#lookUp(events)
    }
    const keys = [...this.#own]
    const call = ++this.#calls
    const count = events.length * this.#shared.length
    for (let i = 0; i < count; i++) {
      const entity = this.#eventEntities[i]
      if (entity === undefined || entity.nums !== absent || entity.asked === call) continue
      entity.asked = call
      this.#asked.set(entity.key, entity)
      keys.push(entity.key)
    }
    return keys
  }

  #lookUp(events: readonly Event[]): void {
    const kinds = this.#compiled.entities
    this.#events = events
    this.#next = 0
    for (let i = 0; i < events.length; i++) {
      const tenant = this.#tenantOf(events[i]!)
      this.#eventTenants[i] = tenant
      for (let kind = 0; kind < kinds.length; kind++)
        this.#eventEntities[i * kinds.length + kind] = this.#entityOf(events[i]!, tenant, kind)
    }
  }

  #tenantOf(event: Event): Tenant {
    return this.#tenant(textOf(this.#compiled.tenantOf(event)) ?? '')
  }

  #tenant(name: string): Tenant {
    const known = this.#tenants.get(name)
    if (known !== undefined) return known
    const entities = this.#compiled.entities.map(({ scope }, kind) =>
      scope === 'tenant' ? new Map<string, Cached>() : this.#shared[kind]!,
    )
    const tenant: Tenant = { tenant: name, newestMs: -Infinity, seeds: idSeeds(name), entities }
    this.#tenants.set(name, tenant)
    return tenant
  }

  #entityOf(event: Event, tenant: Tenant, kind: number): Cached | undefined {
    const { columns, name, scope } = this.#compiled.entities[kind]!
    const id = idOf(columns, event, keySeparator)
    if (id === undefined) return undefined
    const home = tenant.entities[kind]!
    const known = home.get(id)
    if (known === undefined) return this.#cache.open(entityKey(name, scope, tenant.tenant, id), kind, home, id)
    known.used = true
    return known
  }

  admit(keys: readonly string[], blobs: readonly (Buffer | undefined)[]): void {
    keys.forEach((key, i) => {
      const entity = this.#asked.get(key)
      if (entity === undefined) return
      this.#asked.delete(key)
      if (entity.nums !== absent) return
      const { layout } = this.#compiled.entities[entity.kind]!.plan
      const blob = blobs[i]
      entity.nums = blob === undefined ? layout.blank(entity.arena) : decodeMemory(blob, layout, entity.arena)
    })
    if (this.#own.length > 0) this.#admitOwn(new Map(keys.map((key, i) => [key, blobs[i]])))
  }

  /** Reads first the clocks and the index of ids, then all segments of ids that the index names. */
  #admitOwn(blobs: ReadonlyMap<string, Buffer | undefined>): void {
    if (!this.#own.every((key) => blobs.has(key))) return
    if (this.#own[0] === clocksKey) {
      const clocks = blobs.get(clocksKey)
      for (const { tenant, newestMs } of clocks === undefined ? [] : decodeClocks(clocks)) {
        this.#tenant(tenant).newestMs = newestMs
        this.#clocks.push(this.#tenant(tenant))
      }
      this.#own = this.#seen.open(blobs.get(seenIndexKey))
      return
    }
    this.#seen.admit(this.#own.map((key) => blobs.get(key)))
    this.#own = []
  }

  fold(event: Event, vectors: Float32Array, at: number): Folded {
    const { idOf: eventId, timeOf, set, row } = this.#compiled
    if (this.#own.length > 0) throw new Error('the partition was asked to fold before its own state was admitted')
    const timeMs = timeOf(event)
    if (typeof timeMs !== 'number' || !Number.isFinite(timeMs))
      throw new EngineError('BAD_FIELD', `the event's ${set.time} is no time`)
    const index = this.#indexOf(event)
    const tenant = this.#eventTenants[index]!
    if (!this.#seen.add(tenant.seeds, textOf(eventId(event)) ?? '')) return 'duplicate'
    const late = timeMs < this.#newestMs(index, tenant) - set.latenessMs
    row.fill(event)
    this.#foldEntities(index, late, tenant.newestMs)
    this.#write(vectors, at)
    if (!late && timeMs > tenant.newestMs) this.#advance(tenant, timeMs)
    return late ? 'late' : 'folded'
  }

  /** The newest time with which the event's time is compared to find late events. */
  #newestMs(index: number, tenant: Tenant): number {
    const { lateBy, entities } = this.#compiled
    const entity = lateBy < 0 ? undefined : this.#eventEntities[index * entities.length + lateBy]
    return entity === undefined || entity.nums === absent ? tenant.newestMs : entity.nums[NEWEST]!
  }

  /** Index of the event in the last lookup. Another event gets a lookup of its own. */
  #indexOf(event: Event): number {
    let index = this.#next
    if (this.#events[index] !== event) {
      index = this.#events.indexOf(event)
      if (index < 0) {
        this.#lookUp([event])
        index = 0
      }
    }
    this.#next = index + 1
    return index
  }

  /** A late event is folded into temporary copies. `clockMs` is the tenant's newest time before the event. */
  #foldEntities(index: number, late: boolean, clockMs: number): void {
    const { entities, row, out, defaults, set } = this.#compiled
    out.vector.set(defaults)
    row.row.numbers[LEAST_AS_OF] = clockMs - set.latenessMs
    for (let kind = 0; kind < entities.length; kind++) {
      const entity = this.#eventEntities[index * entities.length + kind]
      this.#memories[kind] = undefined
      if (entity === undefined) continue
      if (entity.nums === absent)
        throw new Error(`the partition was asked to fold before ${JSON.stringify(entity.key)} was admitted`)
      const { plan, reachMs } = entities[kind]!
      const expired = entity.nums[NEWEST]! + reachMs < clockMs
      if (expired && !late) this.#forget(entity, plan.layout)
      const folded = (this.#memories[kind] = late
        ? { nums: expired ? plan.layout.blank(heap) : entity.nums.slice(), arena: heap }
        : entity)
      plan.fold(folded, row.row, out)
      if (late || entity.dirty) continue
      entity.dirty = true
      this.#dirty.push(entity)
    }
    this.#compiled.finish(this.#memories, !late)
  }

  #forget(entity: Cached, layout: Layout): void {
    entity.arena.give(entity.nums)
    entity.nums = layout.blank(entity.arena)
  }

  #write(vectors: Float32Array, at: number): void {
    const { vector } = this.#compiled.out
    const start = at * vector.length
    for (let i = 0; i < vector.length; i++) vectors[start + i] = vector[i]!
  }

  #advance(tenant: Tenant, timeMs: number): void {
    if (tenant.newestMs === -Infinity) this.#clocks.push(tenant)
    tenant.newestMs = timeMs
    this.#clocksDirty = true
  }

  takeDirty(): Dirty {
    const { entities } = this.#compiled
    const taken = this.#dirty
    this.#dirty = []
    const slab = new Slab()
    const puts: { key: string; blob: Buffer; expiresAtMs: number }[] = taken.map((entity) => {
      entity.dirty = false
      entity.taken++
      const { plan, reachMs } = entities[entity.kind]!
      return {
        key: entity.key,
        blob: encodeMemory(entity, plan.layout, slab),
        expiresAtMs: Math.min(never, entity.nums[NEWEST]! + reachMs),
      }
    })
    if (this.#clocksDirty) puts.push({ key: clocksKey, blob: encodeClocks(this.#clocks), expiresAtMs: never })
    this.#clocksDirty = false
    const seen = this.#seen.takeDirty()
    for (const { key, blob } of seen.puts) puts.push({ key, blob, expiresAtMs: never })
    let open = true
    const committed = (): void => {
      if (open) for (const entity of taken) entity.taken--
      open = false
    }
    return { puts, deletes: seen.deletes, clockMs: oldestMs(this.#clocks), committed }
  }
}
