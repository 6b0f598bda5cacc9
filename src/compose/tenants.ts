/** The part of the composition root that decides whose events are scored. */
import { randomUUID } from 'node:crypto'
import { systemClock as clock } from '../base/clock.js'
import type { Config } from '../config/load.js'
import { followControl } from '../consumers/control/follower.js'
import type { Configured } from '../consumers/control/tenant-table.js'
import { foldTenants, tenantsOfLog, tenantsPort, type TenantHistory } from '../consumers/control/tenants.js'
import type { TenantsPort } from '../contracts/tenants.js'
import type { LogView } from '../log/event-log.js'
import { demoTenants } from '../simulator/index.js'
import { storesIn, withLog } from './tasks.js'

/** The tenant of an operator's request that names none: the only one, or the first of the demo's. */
export function defaultTenantOf({ tenants, demo }: Pick<Config, 'tenants' | 'demo'>): string | undefined {
  if (Array.isArray(tenants)) return tenants.length === 1 ? (tenants as readonly { id: string }[])[0]!.id : undefined
  return tenants === 'demo' || demo.enabled ? demoTenants[0] : undefined
}

/** The tenants whose events a configuration scores. */
export const tenantsOf = ({ tenants }: Pick<Config, 'tenants'>): Configured =>
  tenants === 'any' ? 'any' : tenants === 'demo' ? demoTenants : tenants.map(({ id }) => id)

/**
 * The tenants that the configuration decides about; undefined where it names none. Then nothing changes: an engine that
 * is started without the setting keeps scoring the tenants that it knows.
 */
export const configuredTenants = ({ tenants, origins }: Pick<Config, 'tenants' | 'origins'>): Configured | undefined =>
  tenants.length === 0 && origins['tenants'] === 'default' ? undefined : tenantsOf({ tenants })

/** The tenants of a log for a replay. The configuration's own count where the log has no decision about tenants. */
export async function tenantsServed(view: LogView, config: Config): Promise<TenantHistory> {
  const fold = await tenantsOfLog(view, statedTenants(config))
  return fold.configured() === undefined && fold.lastChange() === 0 ? foldTenants(tenantsOf(config)) : fold
}

/** Without the default of an engine, which may be the demo's tenants. */
const statedTenants = (config: Config): Configured => (config.origins['tenants'] === 'default' ? [] : tenantsOf(config))

/**
 * Runs `work` with the tenants of a log that no engine needs to hold. To read, it opens the log for reading only, which
 * an engine may hold meanwhile. To decide, it locks an embedded log: LOCKED while an engine holds it.
 */
export async function withTenants<T>(
  config: Config,
  does: 'read' | 'decide',
  work: (tenants: TenantsPort) => Promise<T>,
): Promise<T> {
  const given = statedTenants(config)
  if (does === 'read') {
    const view = await storesIn(config).openView()
    try {
      return await work(tenantsPort(undecided, await tenantsOfLog(view, given)))
    } finally {
      await view.close()
    }
  }
  return withLog(config, [], async (log) => {
    const fold = foldTenants(given)
    const control = await followControl({ log, clock, folds: [fold], newId: randomUUID })
    try {
      return await work(tenantsPort(control, fold))
    } finally {
      await control.close()
    }
  })
}

const undecided = { decide: () => Promise.reject(new Error('the log is open for reading only')) }
