import type { DecidedTenant, TenantsPort, TenantView } from '../../src/contracts/tenants.js'

/** Tenants in memory: acme and globex are known, and `gone` was removed. */
export function fakeTenants(called: (ask: 'tenants') => Promise<void>, nowMs: () => number): TenantsPort {
  const first = { by: 'engine', why: 'configuration', atMs: null }
  const named = new Map<string, TenantView>(
    (['acme', 'globex'] as const).map((tenant) => [tenant, { tenant, state: 'known', ...first }]),
  )
  named.set('gone', { tenant: 'gone', state: 'removed', ...first })

  async function decide(tenant: string, state: TenantView['state'], by: string, why: string): Promise<DecidedTenant> {
    await called('tenants')
    const before = named.get(tenant)
    if (before?.state === state) return { ...before, changed: false }
    const now = { tenant, state, by, why, atMs: nowMs() }
    named.set(tenant, now)
    return { ...now, changed: true }
  }
  return {
    list: () => ({ any: false, tenants: [...named.values()] }),
    isRemoved: (tenant) => named.get(tenant)?.state === 'removed',
    add: (tenant, by, why) => decide(tenant, 'known', by, why),
    remove: async (tenant, by, why) => (named.has(tenant) ? decide(tenant, 'removed', by, why) : undefined),
  }
}
