import { createHash } from 'node:crypto'
import { EngineError, isEngineError } from '../../base/errors.js'
import { everyTenant } from '../../contracts/callers.js'
import type { TenantsPort } from '../../contracts/tenants.js'
import type { LogView, Offset } from '../../log/event-log.js'
import type { Tenants } from '../ground/decode.js'
import type { Decided, UnknownDecision } from './decision.js'
import { foldControl, type Fold } from './fold.js'
import type { Control } from './follower.js'
import { configuration, tenantTable, type Configured, type TenantDecision, type TenantTable } from './tenant-table.js'

/** Which tenants are known at each position of the control topic. */
export interface TenantHistory {
  /**
   * The tenants that a process knows when it has read the control topic up to this position; Infinity for now. Throws
   * UNKNOWN_DECISION where this build cannot read a decision about tenants before it.
   */
  at(position: Offset): Tenants
  /** The position of the last change; 0 where the same tenants are known from the beginning of the log. */
  lastChange(): Offset
}

/** A history, or the same tenants at every position. */
export type TenantSource = Tenants | TenantHistory

export const isHistory = (source: TenantSource): source is TenantHistory => typeof source === 'object' && 'at' in source

export const tenantsAt = (source: TenantSource, position: Offset): Tenants =>
  isHistory(source) ? source.at(position) : source

export interface TenantsFold extends Fold, TenantHistory, Pick<TenantTable, 'view' | 'list'> {
  /** The last decision about the tenants of the configuration. */
  configured(): Decided<'configure'> | undefined
}

const isAboutTenants = ({ kind }: { readonly kind: string | undefined }): boolean =>
  kind === 'admit' || kind === 'withdraw' || kind === 'configure'

/**
 * Folds the decisions about tenants. A log that was written before tenants were decisions has the tenants of its first
 * `configure`, from its beginning. Until there is one, it has those of `given`, the configuration of this process.
 */
export function foldTenants(given: Configured): TenantsFold {
  let table = tenantTable(given)
  let configured: Decided<'configure'> | undefined
  const early: (readonly [TenantDecision, Offset])[] = []
  let unread: { readonly unknown: UnknownDecision; readonly position: Offset } | undefined
  return {
    at(position) {
      if (unread !== undefined && unread.position <= position) throw unreadable(unread.unknown)
      return table.at(position)
    },
    lastChange: () => unread?.position ?? table.lastChange(),
    view: (tenant) => table.view(tenant),
    list: () => table.list(),
    configured: () => configured,
    take(decision, position) {
      if (decision.kind !== 'admit' && decision.kind !== 'withdraw' && decision.kind !== 'configure') return
      if (decision.kind !== 'configure' || configured !== undefined) {
        table.apply(decision, position)
        if (configured === undefined) early.push([decision, position])
      } else {
        table = tenantTable(decision.tenants)
        for (const [one, at] of early) table.apply(one, at)
      }
      if (decision.kind === 'configure') configured = decision
    },
    unknown(unknown, position) {
      if (isAboutTenants(unknown)) unread ??= { unknown, position }
    },
  }
}

const unreadable = ({ offset, problem }: UnknownDecision): EngineError =>
  new EngineError(
    'UNKNOWN_DECISION',
    `offset ${offset} of the control topic decides about tenants, and this build cannot read it: ${problem}. Which ` +
      'tenants are known is unknown here. Run the build that wrote it',
  )

/** The tenants of a log, from the decisions that it has now. A new log has no control topic yet. Errors of the log. */
export async function tenantsOfLog(view: LogView, given: Configured): Promise<TenantsFold> {
  const fold = foldTenants(given)
  await foldControl(view, [fold]).catch((error: unknown) => {
    if (!isEngineError(error, 'TOPIC_MISMATCH')) throw error
  })
  return fold
}

/**
 * Records the tenants that the configuration names, if they differ from those that a configuration named before.
 * Several processes that start together with one configuration record it once.
 */
export async function decideConfigured(
  control: Pick<Control, 'decide'>,
  fold: Pick<TenantsFold, 'configured'>,
  given: Configured,
): Promise<void> {
  const last = fold.configured()
  const tenants = given === 'any' ? given : [...new Set(given)].sort()
  if (last !== undefined && JSON.stringify(last.tenants) === JSON.stringify(tenants)) return
  const id = createHash('sha256')
    .update(JSON.stringify([last?.id ?? null, tenants]))
    .digest('hex')
  await control.decide({ kind: 'configure', tenants, ...configuration }, `configure/${id.slice(0, 32)}`)
}

/** No event has an id with such a character. */
const unfit = /[\p{Cc}\p{Cs}]/u

function assertName(tenant: string): void {
  if (tenant === everyTenant)
    throw new EngineError(
      'BAD_REQUEST',
      `'${everyTenant}' is no tenant; to score every tenant, set 'tenants: any' in the configuration`,
    )
  if (tenant === '' || tenant.length > 128 || unfit.test(tenant))
    throw new EngineError('BAD_REQUEST', 'a tenant has 1 to 128 characters, and none of them is a control character')
}

/** Adds and removes tenants by decisions. */
export const tenantsPort = (control: Pick<Control, 'decide'>, fold: TenantsFold): TenantsPort => ({
  list: () => fold.list(),
  isRemoved: (tenant) => fold.view(tenant)?.state === 'removed',
  async add(tenant, by, why) {
    assertName(tenant)
    const before = fold.view(tenant)
    if (before?.state === 'known') return { ...before, changed: false }
    await control.decide({ kind: 'admit', tenant, by, why })
    return { ...fold.view(tenant)!, changed: true }
  },
  async remove(tenant, by, why) {
    const before = fold.view(tenant)
    if (before === undefined && !fold.list().any) return undefined
    if (before?.state === 'removed') return { ...before, changed: false }
    await control.decide({ kind: 'withdraw', tenant, by, why })
    return { ...fold.view(tenant)!, changed: true }
  },
})
