import { EngineError } from '../base/errors.js'
import type { Session } from './model-runtime.js'

interface Chosen {
  readonly version: string
  /** Called with the number of rows on which the model failed, and with what it did for one of them. */
  readonly onError?: (rows: number, problem: string) => void
}

/** A model that can serve: it is loaded, it fits the stream's vectors, and its answers are scores. */
export interface Serving extends Chosen {
  readonly refused?: undefined
  readonly session: Session
  readonly thresholds: { readonly medium: number; readonly high: number }
  /** Per feature the uninformative value, for reasons; NaN is "missing". */
  readonly typical: Float32Array
}

/** A model that was chosen to serve and cannot. The heuristic scores its rows, as those of a model that fails. */
export interface RefusedModel extends Chosen {
  readonly refused: string
}

export type Champion = Serving | RefusedModel

/** Which model serves which tenant, as of one position in the control topic. Immutable: a change creates a new one. */
export interface Routing {
  /** Next offset of the control topic: every earlier record is included. */
  readonly position: number
  /** By model family, then by scope: a tenant's own model has precedence over 'global'. */
  readonly champions: ReadonlyMap<string, ReadonlyMap<string, Champion>>
  /** Families whose serving model this build cannot know, because it cannot read a decision about them. */
  readonly halted?: ReadonlyMap<string, UnreadDecision>
}

/** A decision of the control topic that this build cannot read. */
export interface UnreadDecision {
  /** Of its record in the control topic. */
  readonly offset: number
  readonly problem: string
}

export const heuristicVersion = 'heuristic_v1'

export const emptyRouting: Routing = { position: 0, champions: new Map() }

/** The model that serves a tenant in a family; undefined when the heuristic does. */
export function championOf(routing: Routing, family: string | undefined, tenant: string): Champion | undefined {
  const scopes = family === undefined ? undefined : routing.champions.get(family)
  return scopes?.get(tenant) ?? scopes?.get('global')
}

/** The version that scores the rows of a chosen model; the heuristic where there is none or it is refused. */
export const versionOf = (chosen: Champion | undefined): string =>
  chosen === undefined || chosen.refused !== undefined ? heuristicVersion : chosen.version

/** A copy of the routing with one champion set or removed. */
export function withChampion(routing: Routing, family: string, scope: string, serving: Champion | undefined): Routing {
  const scopes = new Map(routing.champions.get(family))
  if (serving === undefined) scopes.delete(scope)
  else scopes.set(scope, serving)
  return { ...routing, champions: new Map(routing.champions).set(family, scopes) }
}

/** UNKNOWN_DECISION where this build cannot know which model serves the family. */
export function refuseHalted(halted: Routing['halted'], family: string | undefined): void {
  const unread = family === undefined ? undefined : halted?.get(family)
  if (unread === undefined) return
  throw new EngineError(
    'UNKNOWN_DECISION',
    `offset ${unread.offset} of the control topic decides about model family ${family!}, and this build cannot read ` +
      `it: ${unread.problem}. Which model serves is unknown here. Run the build that wrote it`,
  )
}
