import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { foldRoutes } from '../../src/consumers/control/routes.js'
import { openRouting } from '../../src/consumers/control/routing.js'
import type { Configured } from '../../src/consumers/control/tenant-table.js'
import { decideConfigured, foldTenants, tenantsPort } from '../../src/consumers/control/tenants.js'
import type { EventLog } from '../../src/log/event-log.js'
import { follow } from './control-harness.js'

/** The tenants of one process, which follows the control topic of a log and decides about its configuration first. */
export async function processWith(log: EventLog, configured: Configured | undefined, base: Configured = []) {
  const [routes, tenants] = [foldRoutes(), foldTenants(configured ?? base)]
  const control = await follow(log, [routes, tenants])
  if (configured !== undefined) await decideConfigured(control, tenants, configured)
  const noModel = (): Promise<never> => Promise.reject(new Error('no model'))
  const routing = await openRouting({
    control,
    routes,
    clock: systemClock,
    streams: [],
    runtime: { open: noModel, close: () => Promise.resolve() },
    readModel: noModel,
  })
  const close = async (): Promise<void> => {
    await routing.close()
    await control.close()
  }
  onTestFinished(close)
  const port = tenantsPort(control, tenants)
  return {
    control,
    tenants,
    /** What a scoring flow of the process needs. */
    flow: { tenants, routing: () => routing.current(), controlReadTo: () => control.position() },
    add: (tenant: string) => port.add(tenant, 'ann', 'a new customer'),
    remove: (tenant: string) => port.remove(tenant, 'ann', 'the contract ended'),
    port,
    /** Resolves when a scoring flow follows everything that was decided until now. */
    inForce: async () => routing.reached((await log.bounds({ topic: 'control', partition: 0 })).next),
    known: (...names: readonly string[]): readonly string[] => {
      const now = tenants.at(Infinity)
      return names.filter((name) => now === 'any' || now.has(name))
    },
    close,
  }
}
