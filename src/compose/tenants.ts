import type { Config } from '../config/load.js'
import { demoTenants } from '../simulator/index.js'
import type { Tenants } from '../consumers/ground/decode.js'

/** The tenant of an operator's request that names none: the only one, or the first of the demo's. */
export function defaultTenantOf({ tenants, demo }: Pick<Config, 'tenants' | 'demo'>): string | undefined {
  if (Array.isArray(tenants)) return tenants.length === 1 ? (tenants as readonly { id: string }[])[0]!.id : undefined
  return tenants === 'demo' || demo.enabled ? demoTenants[0] : undefined
}

/** The tenants whose events a configuration scores. */
export const tenantsOf = ({ tenants }: Pick<Config, 'tenants'>): Tenants =>
  tenants === 'any' ? 'any' : new Set(tenants === 'demo' ? demoTenants : tenants.map(({ id }) => id))
