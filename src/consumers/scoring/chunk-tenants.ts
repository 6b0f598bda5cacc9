import { limits } from '../../base/limits.js'
import type { EventLog, LogRecord, Offset } from '../../log/event-log.js'
import type { Routing } from '../../scorers/routing.js'
import { isHistory, tenantsAt } from '../control/tenants.js'
import type { Claimed, ClaimRules } from '../ground/claim.js'
import type { CompiledStream } from '../ground/compiled.js'
import { controlStretches, type Stretch } from '../control/stretches.js'
import { decodeChunk, readersFor, type Decoded } from '../ground/decode.js'
import { controlTopic } from '../ground/topic-names.js'
import type { ScoringDependencies } from './dependencies.js'
import type { ScoringWork } from './work.js'

interface Again {
  readonly deps: Pick<ScoringDependencies, 'tenants' | 'controlReadTo' | 'clock'>
  readonly log: EventLog
  readonly claimed: Pick<Claimed, 'from' | 'covered'>
  readonly rules: Pick<ClaimRules, 'since' | 'control'>
  readonly revoked: AbortSignal
}

/**
 * The control positions at which the events were decoded that an owner folds again. Where no block is left to name one,
 * that of the claim: a tenant that changes during the catch-up does not concern these events. Waits until this process
 * has read the control topic, because earlier owners had read it up to any position before its end.
 */
export async function positionsAgain(
  { topics }: CompiledStream,
  partition: number,
  { deps: { tenants, controlReadTo, clock }, log, claimed: { from, covered }, rules, revoked }: Again,
): Promise<readonly Stretch[]> {
  if (!isHistory(tenants) || from > covered) return []
  if (controlReadTo !== undefined) {
    const { next } = await log.bounds(controlTopic)
    while (!revoked.aborted && (await hasDecisions(log, controlReadTo(), next, revoked)))
      await clock.sleep(limits.routingPollMs, revoked)
  }
  const unnamed = { control: rules.control, upTo: covered }
  if (tenants.lastChange() === 0) return [unnamed]
  const range = { from, to: covered + 1 }
  return [...(await controlStretches(log, { topic: topics.predictions, partition }, range, rules.since)), unnamed]
}

/** Whether the control topic has a record from one position to before another; offsets may have holes. */
async function hasDecisions(log: EventLog, from: Offset, to: Offset, revoked: AbortSignal): Promise<boolean> {
  if (from >= to) return false
  const reader = log.reader(controlTopic)
  try {
    return (await reader.read(from, { records: 1, bytes: 1, until: to }, revoked)).some(({ offset }) => offset < to)
  } finally {
    await reader.close()
  }
}

const stretchOf = ({ positions }: Pick<ScoringWork, 'positions'>, offset: Offset): Stretch | undefined =>
  positions.find(({ upTo }) => upTo >= offset)

/** The last offset that may be in one chunk with this one. */
export const lastTogether = (work: Pick<ScoringWork, 'claimed' | 'positions'>, offset: Offset): Offset =>
  offset > work.claimed.covered ? Infinity : Math.min(work.claimed.covered, stretchOf(work, offset)?.upTo ?? Infinity)

/**
 * Decodes a chunk with the tenants at the control position that its block names, and resolves with the routing of that
 * position. Events that are folded again get the tenants of the block that they have already.
 */
export async function decodeWith(
  work: ScoringWork,
  read: readonly LogRecord[],
): Promise<{ readonly whole: Decoded; readonly routing: Routing }> {
  const { stream, deps, claimed } = work
  const readers = await readersFor(stream, read, work.schemas)
  const decodeAt = (position: Offset): Decoded => decodeChunk(stream, tenantsAt(deps.tenants, position), read, readers)
  const first = read[0]!.offset
  const routing = deps.routing()
  if (first <= claimed.covered) return { whole: decodeAt(stretchOf(work, first)?.control ?? routing.position), routing }
  const whole = decodeAt(routing.position)
  if (deps.controlReadTo === undefined || !whole.dead.some(({ code }) => code === 'UNKNOWN_TENANT'))
    return { whole, routing }
  await reachDecisions(work, routing.position)
  const now = deps.routing()
  return now.position === routing.position ? { whole, routing } : { whole: decodeAt(now.position), routing: now }
}

/**
 * Waits until the routing has reached the end of the control topic, but no longer than the limit, and only once at a
 * position: the routing may wait for a model for hours.
 */
async function reachDecisions(work: ScoringWork, position: Offset): Promise<void> {
  const { deps, log, stopped } = work
  const { clock, routing } = deps
  if (work.waitedAt === position) return
  const { next: end } = await log.bounds(controlTopic)
  const untilMs = clock.nowMs() + limits.decisionsWaitMs
  while (routing().position < end && clock.nowMs() < untilMs && !stopped.aborted)
    await clock.sleep(limits.routingPollMs, stopped)
  if (routing().position < end) work.waitedAt = position
}
