import { keySeparator } from '../../base/keys.js'
import { idOf, textOf, type CompiledSet } from './compiled-set.js'
import type { Cached, EntityCache } from '../memory/entity-cache.js'
import { entityKey } from './entity-key.js'
import type { Event } from '../feature.js'
import { idSeeds, type IdSeeds } from '../memory/seen-ids.js'
import { newClock, type Clock, type Touched } from '../memory/time-mark.js'

/** A tenant in the cache: its clock, and its entities of each kind by id. */
export interface Tenant {
  clock: Clock
  /** Whether it is among the clocks that are stored. */
  isKnown: boolean
  readonly seeds: IdSeeds
  readonly entities: readonly Map<string, Cached>[]
}

/** Tenants and entities of events, found once for each chunk of events, so that `fold` needs no lookup. */
export class Lookup {
  readonly #compiled: CompiledSet
  readonly #cache: EntityCache
  readonly #tenants = new Map<string, Tenant>()
  /** Entities that are shared by all tenants, by kind. */
  readonly #shared: readonly Map<string, Cached>[]
  #events: readonly Event[] = []
  readonly #eventTenants: Tenant[] = []
  readonly #eventEntities: (Cached | undefined)[] = []
  #next = 0
  readonly #kinds: number

  constructor(compiled: CompiledSet, cache: EntityCache) {
    this.#compiled = compiled
    this.#cache = cache
    this.#kinds = compiled.entities.length
    this.#shared = compiled.entities.map(() => new Map<string, Cached>())
  }

  /** Whether these events are the ones found last, none of them folded yet. */
  holds(events: readonly Event[]): boolean {
    return events === this.#events && this.#next === 0
  }

  find(events: readonly Event[]): void {
    const kinds = this.#compiled.entities
    this.#events = events
    this.#next = 0
    for (let i = 0; i < events.length; i++) {
      const tenant = this.tenant(textOf(this.#compiled.tenantOf(events[i]!)) ?? '')
      this.#eventTenants[i] = tenant
      for (let kind = 0; kind < kinds.length; kind++)
        this.#eventEntities[i * kinds.length + kind] = this.#entityOf(events[i]!, tenant, kind)
    }
  }

  /** Index of the event among those found last. Another event is found alone. */
  indexOf(event: Event): number {
    let index = this.#next
    if (this.#events[index] !== event) {
      index = this.#events.indexOf(event)
      if (index < 0) {
        this.find([event])
        index = 0
      }
    }
    this.#next = index + 1
    return index
  }

  tenantAt(index: number): Tenant {
    return this.#eventTenants[index]!
  }

  entityAt(index: number, kind: number): Cached | undefined {
    return this.#eventEntities[index * this.#kinds + kind]
  }

  tenant(name: string): Tenant {
    const known = this.#tenants.get(name)
    if (known !== undefined) return known
    const entities = this.#compiled.entities.map(({ scope }, kind) =>
      scope === 'tenant' ? new Map<string, Cached>() : this.#shared[kind]!,
    )
    const tenant: Tenant = { clock: newClock(name), isKnown: false, seeds: idSeeds(name), entities }
    this.#tenants.set(name, tenant)
    return tenant
  }

  /** Collects the entities that the events found last may need: their own, and those that candidates have touched. */
  collect(wanted: (entity: Cached) => void): void {
    const { entities, lateBy } = this.#compiled
    for (let i = 0; i < this.#events.length; i++) {
      const tenant = this.#eventTenants[i]!
      for (let kind = 0; kind < entities.length; kind++) {
        const entity = this.entityAt(i, kind)
        if (entity !== undefined) wanted(entity)
      }
      this.#collectTouched(tenant, tenant.clock, wanted)
      const judge = lateBy < 0 ? undefined : this.entityAt(i, lateBy)
      if (judge?.clock !== undefined) this.#collectTouched(tenant, judge.clock, wanted)
    }
  }

  #collectTouched(tenant: Tenant, { candidates }: Clock, wanted: (entity: Cached) => void): void {
    for (const { touched } of candidates)
      if (touched !== undefined) for (const one of touched) wanted(this.touched(tenant, one))
  }

  touched(tenant: Tenant, { kind, id }: Touched): Cached {
    return this.#open(tenant, kind, id)
  }

  #entityOf(event: Event, tenant: Tenant, kind: number): Cached | undefined {
    const id = idOf(this.#compiled.entities[kind]!.columns, event, keySeparator)
    return id === undefined ? undefined : this.#open(tenant, kind, id)
  }

  #open(tenant: Tenant, kind: number, id: string): Cached {
    const home = tenant.entities[kind]!
    const known = home.get(id)
    if (known === undefined) {
      const { name, scope } = this.#compiled.entities[kind]!
      return this.#cache.open(entityKey(name, scope, tenant.clock.owner, id), kind, home, id, tenant.clock)
    }
    known.used = true
    return known
  }
}
