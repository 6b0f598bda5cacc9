import type { Clock } from '../../base/clock.js'
import { createConditions } from '../../base/conditions.js'
import { isEngineError } from '../../base/errors.js'
import { failureOf } from '../../base/failure.js'
import type { Offset } from '../../log/event-log.js'
import type { ModelName } from '../../scorers/model-store.js'
import { emptyRouting, withChampion, type Champion, type Routing } from '../../scorers/routing.js'
import type { Control } from './follower.js'
import type { RouteDecision, Routes, RouteTable } from './routes.js'
import { servingOrRefused, type ServingOptions } from './serving.js'

export interface RoutingOptions extends ServingOptions {
  readonly control: Pick<Control, 'position' | 'until'>
  readonly routes: Pick<Routes, 'current'>
  readonly clock: Clock
  /** Called when a routed model is not here yet or the log is unreachable, before each retry. */
  readonly onWaiting?: (name: ModelName, error: unknown) => void
}

/** The models that serve in this process: the routes of the control topic, with every model loaded. */
export interface LiveRouting {
  current(): Routing
  /** Resolves when everything that was decided before the position is in force here; rejects when that fails. */
  reached(position: Offset): Promise<void>
  /** Rejects when a decision cannot be followed: MODEL_MISMATCH, MODEL_DAMAGED. Never resolves. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

/** The pause before a model that is not here yet is requested again. */
const askAgainMs = 1_000

/** Loads the models that the routes name now, and follows the routes. Waits for a routed model that is not here yet. */
export async function openRouting(options: RoutingOptions): Promise<LiveRouting> {
  const { control, routes, clock, onWaiting } = options
  const closing = new AbortController()
  const { signal } = closing
  const conditions = createConditions()
  let routing: Routing = emptyRouting
  let followed: RouteTable | undefined

  async function load(name: ModelName): Promise<Champion> {
    for (;;) {
      try {
        return await servingOrRefused(options, name)
      } catch (error) {
        if (!canCome(error) || signal.aborted) throw error
        onWaiting?.(name, error)
        await clock.sleep(askAgainMs, signal)
      }
    }
  }

  /** Applies the current decisions. Of several decisions on one scope, only the last model is loaded. */
  async function catchUp(): Promise<void> {
    const [table, position] = [routes.current(), control.position()]
    let next = routing
    for (const decision of changedRoutes(followed, table)) {
      const serving = decision.kind === 'activate' ? await load(decision) : undefined
      next = withChampion(next, decision.family, decision.scope, serving)
    }
    followed = table
    routing = { ...next, halted: table.halted, position }
    conditions.changed()
  }

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      await control.until(() => control.position() > routing.position, signal)
      if (!signal.aborted) await catchUp()
    }
  }

  await catchUp()
  const following = follow()
  const failed = failureOf(following)
  return {
    current: () => routing,
    failed,
    reached: (position) => Promise.race([conditions.until(() => routing.position >= position), failed]),
    async close() {
      closing.abort()
      await following.catch(() => undefined)
    },
  }
}

const canCome = (error: unknown): boolean =>
  isEngineError(error) && (error.code === 'UNKNOWN_MODEL' || error.disposition === 'retry')

/** The decisions of a table that the earlier table does not have. */
function changedRoutes(before: RouteTable | undefined, after: RouteTable): readonly RouteDecision[] {
  return [...after.families].flatMap(([family, scopes]) => {
    const known = before?.families.get(family)
    return [...scopes].flatMap(([scope, decision]) => (known?.get(scope) === decision ? [] : [decision]))
  })
}
