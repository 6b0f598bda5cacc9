import { randomUUID } from 'node:crypto'
import { systemClock, type Clock } from '../../src/base/clock.js'
import type { Decision, NewDecision } from '../../src/consumers/control/decision.js'
import { followControl, type Control } from '../../src/consumers/control/follower.js'
import type { Fold } from '../../src/consumers/control/fold.js'
import { foldRoutes, type Routes } from '../../src/consumers/control/routes.js'
import { openRouting, type LiveRouting, type RoutingOptions } from '../../src/consumers/control/routing.js'
import { stopsOf, type Stops } from '../../src/consumers/control/stops.js'
import { foldStops } from '../../src/consumers/control/stops-fold.js'
import type { EventLog } from '../../src/log/event-log.js'

/** Follows the control topic of a log with these folds. */
export const follow = (log: EventLog, folds: readonly Fold[], change: { report?: (message: string) => void } = {}) =>
  followControl({ log, clock: systemClock, folds, newId: randomUUID, ...change })

/** The stops of a log, followed for themselves. */
export async function openStops(log: EventLog): Promise<Stops & { close(): Promise<void> }> {
  const fold = foldStops()
  const control = await follow(log, [fold])
  return { ...stopsOf(control, fold), close: () => control.close() }
}

export interface FollowOptions extends Omit<RoutingOptions, 'control' | 'routes' | 'clock'> {
  readonly log: EventLog
  readonly clock?: Clock
  readonly report?: (message: string) => void
  /** What the engine decides at its start, before anything is loaded. */
  readonly first?: (routes: Routes) => Promise<readonly NewDecision[]>
}

/** Routing with its own follower of the control topic, as an engine has it. */
export interface Followed extends LiveRouting {
  readonly control: Control
  /** Decides, and resolves when that is in force. */
  decide(decision: NewDecision): Promise<void>
}

export async function followRouting({ log, first, report, ...options }: FollowOptions): Promise<Followed> {
  const routes = foldRoutes()
  const control = await follow(log, [routes], report === undefined ? {} : { report })
  for (const decision of (await first?.(routes)) ?? []) await control.decide(decision)
  const routing = await openRouting({ clock: systemClock, ...options, control, routes })
  return {
    ...routing,
    control,
    failed: Promise.race([routing.failed, control.failed]),
    decide: async (decision) => routing.reached(await control.decide(decision)),
    async close() {
      await routing.close()
      await control.close()
    },
  }
}

/** A record of the control topic from before decisions had ids. */
export const oldRecord = (decision: Readonly<Record<string, unknown>>) => ({
  key: null,
  value: Buffer.from(JSON.stringify(decision)),
})

export type { Decision, NewDecision }
