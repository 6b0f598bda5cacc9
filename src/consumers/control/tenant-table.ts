import type { TenantList, TenantView } from '../../contracts/tenants.js'
import type { Offset } from '../../log/event-log.js'
import type { Tenants } from '../ground/decode.js'
import type { Decided } from './decision.js'

/** The tenants that a configuration names. */
export type Configured = 'any' | readonly string[]

export type TenantDecision = Decided<'admit'> | Decided<'withdraw'> | Decided<'configure'>

interface Change<T> {
  /** The position in the control topic from which it holds; 0 for the beginning. */
  readonly since: Offset
  readonly value: T
  readonly before: Change<T> | undefined
}
type TenantChange = Change<boolean> & Pick<TenantView, 'by' | 'why' | 'atMs'>

function valueAt<T>(newest: Change<T> | undefined, position: Offset): T | undefined {
  let change = newest
  while (change !== undefined && change.since > position) change = change.before
  return change?.value
}

/**
 * Which tenants are known at each position of the control topic. The last change about a tenant counts, whether a
 * person or the configuration made it. The configuration makes a change only where it differs from the last one: a
 * tenant that was removed by a command stays removed while the configuration names it.
 */
export interface TenantTable {
  apply(decision: TenantDecision, position: Offset): void
  at(position: Offset): Tenants
  /** The position of the last change; 0 where the same tenants are known from the beginning. */
  lastChange(): Offset
  /** Whether a decision or the configuration names the tenant, and as what. */
  view(tenant: string): TenantView | undefined
  list(): TenantList
}

/** The table of a log whose first configuration named these tenants. They are known from its beginning. */
export function tenantTable(first: Configured): TenantTable {
  const changes = new Map<string, TenantChange>()
  /** What people decided since the configuration last changed about the tenant. */
  const decided = new Map<string, 'admit' | 'withdraw'>()
  let named: ReadonlySet<string> = namesOf(first)
  let any: Change<boolean> = { since: 0, value: first === 'any', before: undefined }
  let lastChange: Offset = 0
  let now: Tenants | undefined
  for (const tenant of named)
    changes.set(tenant, { ...configuration, since: 0, value: true, before: undefined, atMs: null })

  function set(tenant: string, value: boolean, since: Offset, { by, why, atMs }: TenantDecision): void {
    const before = changes.get(tenant)
    changes.set(tenant, { since, value, before, by, why, atMs })
    lastChange = since
  }

  function configure(decision: Decided<'configure'>, position: Offset): void {
    const now = namesOf(decision.tenants)
    for (const tenant of now) if (!named.has(tenant)) decided.delete(tenant)
    for (const tenant of named) if (!now.has(tenant) && decided.get(tenant) === 'admit') decided.delete(tenant)
    named = now
    const value = decision.tenants === 'any'
    if (any.value !== value) {
      any = { since: position, value, before: any }
      lastChange = position
    }
    for (const tenant of new Set([...changes.keys(), ...named])) {
      const choice = decided.get(tenant)
      const known = choice === 'admit' || (choice !== 'withdraw' && (value || named.has(tenant)))
      if (changes.get(tenant)?.value !== known) set(tenant, known, position, decision)
    }
  }

  const view = (tenant: string): TenantView | undefined => {
    const change = changes.get(tenant)
    if (change === undefined) return undefined
    const { value, by, why, atMs } = change
    return { tenant, state: value ? 'known' : 'removed', by, why, atMs }
  }

  /** The tenants after the last change: what live scoring asks for each event, so a plain set. */
  function current(): Tenants {
    const listed = [...changes].filter(([, { value }]) => value !== any.value).map(([tenant]) => tenant)
    const names = new Set(listed)
    if (!any.value) return names
    return names.size === 0 ? 'any' : { has: (tenant) => !names.has(tenant) }
  }

  return {
    apply(decision, position) {
      now = undefined
      if (decision.kind === 'configure') return configure(decision, position)
      decided.set(decision.tenant, decision.kind)
      set(decision.tenant, decision.kind === 'admit', position, decision)
    },
    at(position) {
      if (position >= lastChange) return (now ??= current())
      const others = valueAt(any, position) ?? false
      return { has: (tenant) => valueAt(changes.get(tenant), position) ?? others }
    },
    lastChange: () => lastChange,
    view,
    list: () => ({ any: any.value, tenants: [...changes.keys()].sort().map((tenant) => view(tenant)!) }),
  }
}

export const configuration = { by: 'engine', why: 'configuration' } as const

const namesOf = (configured: Configured): ReadonlySet<string> => new Set(configured === 'any' ? [] : configured)
