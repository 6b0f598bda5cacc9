import type { Config } from '../config.js'
import { demoTenants } from '../simulator/index.js'
import type { Tenants } from './decode.js'

/** Whose events a configuration scores. */
export const tenantsOf = ({ tenants }: Pick<Config, 'tenants'>): Tenants => (tenants === 'any' ? 'any' : new Set(tenants === 'demo' ? demoTenants : tenants.map(({ id }) => id)))
