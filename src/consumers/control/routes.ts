import type { LogView, Offset } from '../../log/event-log.js'
import { refuseHalted } from '../../scorers/routing.js'
import type { Decided, UnknownDecision } from './decision.js'
import { foldControl, type Fold } from './fold.js'

/** The last decision about the model that serves a family in a scope. */
export type RouteDecision = Decided<'activate'> | Decided<'deactivate'>

/** The names of the models that shall serve. Immutable: a decision makes a new table. */
export interface RouteTable {
  /** By family, then by scope: a tenant, or `global`. */
  readonly families: ReadonlyMap<string, ReadonlyMap<string, RouteDecision>>
  /** Families with a decision that this build cannot read: which model serves them is unknown. */
  readonly halted: ReadonlyMap<string, UnknownDecision>
}

export const noRoutes: RouteTable = { families: new Map(), halted: new Map() }

/** Folds the decisions about models into a table of names. */
export interface Routes extends Fold {
  current(): RouteTable
  /** The last decision about a family in a scope. */
  last(family: string, scope: string): RouteDecision | undefined
}

export function foldRoutes(): Routes {
  let table = noRoutes
  return {
    current: () => table,
    last: (family, scope) => table.families.get(family)?.get(scope),
    take(decision) {
      if (decision.kind !== 'activate' && decision.kind !== 'deactivate') return
      const scopes = new Map(table.families.get(decision.family)).set(decision.scope, decision)
      table = { ...table, families: new Map(table.families).set(decision.family, scopes) }
    },
    unknown(unknown) {
      if (unknown.family !== undefined) table = { ...table, halted: new Map(table.halted).set(unknown.family, unknown) }
    },
  }
}

/**
 * The table at each of the positions (offsets after the last decision that counts). Throws UNKNOWN_DECISION if a
 * decision about `family` before a position cannot be read by this build, and errors of the log.
 */
export async function routesAt(
  view: LogView,
  family: string,
  positions: ReadonlySet<number>,
): Promise<ReadonlyMap<number, RouteTable>> {
  const routes = foldRoutes()
  const history: { readonly position: Offset; readonly table: RouteTable }[] = [{ position: 0, table: noRoutes }]
  const keep = (position: Offset): void => void history.push({ position, table: routes.current() })
  await foldControl(view, [routes, { take: (_, position) => keep(position), unknown: (_, position) => keep(position) }])
  return new Map(
    [...positions].map((at) => {
      const { table } = history.findLast(({ position }) => position <= at)!
      refuseHalted(table.halted, family)
      return [at, table]
    }),
  )
}
