import type { Config } from '../config/load.js'
import { demoTenants } from '../simulator/index.js'
import type { Tenants } from '../consumers/ground/decode.js'

/** The tenants whose events a configuration scores. */
export const tenantsOf = ({ tenants }: Pick<Config, 'tenants'>): Tenants =>
  tenants === 'any' ? 'any' : new Set(tenants === 'demo' ? demoTenants : tenants.map(({ id }) => id))
