import { concatMap, from, lastValueFrom } from 'rxjs'
import { isEngineError, type EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { encodeBlock } from '../../log/blocks/codec.js'
import type { Assignment, Offset } from '../../log/event-log.js'
import { noEntity } from '../../state/state-store.js'
import { isAccepted, resetsOf } from '../control/accepted.js'
import { scoringReader } from '../control/stops.js'
import { claimPartition, type ClaimRules } from '../ground/claim.js'
import type { CompiledStream } from '../ground/compiled.js'
import { appendDeadLetters } from '../ground/dead-letter.js'
import { scoredPartition } from '../ground/owned.js'
import { FoldFault } from '../ground/record-fault.js'
import { createBatchTimer } from './batch-timer.js'
import { positionsAgain } from './chunk-tenants.js'
import type { ScoringDependencies } from './dependencies.js'
import { folding, type InFlight } from './folding.js'
import { openWork, portsOf, type ScoringWork } from './work.js'

/**
 * Scores one partition until it is revoked. When a record makes the fold throw, the work begins again from the stored
 * state, and that record becomes a dead letter without being folded. So the state is as if it had never been there, at
 * no cost for other records.
 */
export async function scorePartition(
  stream: CompiledStream,
  assignment: Assignment,
  deps: ScoringDependencies,
): Promise<void> {
  const faults = new Map<Offset, EngineError>()
  while (!assignment.revoked.aborted) {
    try {
      return await scoreToFault(stream, assignment, deps, faults)
    } catch (error) {
      if (!(error instanceof FoldFault)) throw error
      faults.set(error.record.offset, error.reason)
    }
  }
}

/**
 * Scores one partition until it is revoked: read, decode, fold, score, append the block, commit the state. While a
 * chunk is being scored or written, the next ones are read and folded; at most `limits.chunksInFlight` are in flight.
 * Blocks are appended one at a time, in order. An event that comes after a pause is scored at once. Small chunks that
 * follow each other wait for the batch timer, so that there are fewer of them.
 */
async function scoreToFault(
  stream: CompiledStream,
  assignment: Assignment,
  deps: ScoringDependencies,
  faults: Map<Offset, EngineError>,
): Promise<void> {
  const { topic, partition, revoked } = assignment
  const ports = portsOf(stream, assignment, deps)
  const rules = await claimRules(assignment, deps)
  const claimed = await claimPartition(scoredPartition(stream, partition), ports, rules)
  for (const offset of faults.keys()) if (offset <= claimed.last) faults.delete(offset)
  const positions = await positionsAgain(stream, partition, { deps, log: ports.log, claimed, rules, revoked })
  const work = await openWork(stream, assignment, deps, ports, { claimed, positions, foldFaults: faults })
  const { gate, progress, committer } = work
  if (gate.stopped === undefined) await deps.stops?.resume({ reader: scoringReader, topic, partition })
  const timer = (deps.timer ?? createBatchTimer()).join()
  const idle = whenIdle(work)
  try {
    const published = from(folding(work, timer)).pipe(concatMap((chunk) => publish(work, chunk)))
    await lastValueFrom(published, { defaultValue: undefined })
    work.assertHealthy()
    await committer.commit(progress.folded)
    if (gate.stopped !== undefined && !revoked.aborted) throw gate.stopped
  } finally {
    work.halt()
    timer.leave()
    await idle
  }
}

/** Appends dead letters first, then the block, so that after a crash every covered offset has its result. */
async function publish(work: ScoringWork, { records, chunk, block: scoring, ...seen }: InFlight): Promise<void> {
  const { stream, assignment, deps, at, log, claimed, progress } = work
  const { clock, build = 'unnamed' } = deps
  const { partition } = assignment
  const deadLetters = { topic: stream.topics.deadLetters, partition }
  const refused = `${build} ${stream.plan.fingerprint}`
  const setAside = (): Promise<unknown> => appendDeadLetters(log, deadLetters, assignment, chunk.dead, refused)
  if (chunk.dead.length > 0) await setAside()
  const block = await scoring
  const record = { key: null, value: encodeBlock(block) }
  await claimed.fence.passed(
    await log.append({ topic: stream.topics.predictions, partition }, [record]),
    claimed.epoch + 1,
  )
  progress.inFlight--
  progress.changed()
  deps.onChunk({ stream: at.stream, partition, records, chunk, block, ...seen, appendedAtMs: clock.nowMs() })
}

/** While no events arrive, commits the last events and detects a lost state. */
async function whenIdle(work: ScoringWork): Promise<void> {
  const { deps, committer, progress, stopped } = work
  const { clock, settings } = deps
  while (!stopped.aborted) {
    await clock.sleep(settings.commitIntervalMs, stopped)
    if (committer.due(progress.folded) && progress.settled) work.commit()
    else if (clock.nowMs() - work.storeAskedMs >= limits.ownedStateCheckMs) void checkState(work)
  }
}

/**
 * Asks the store whether it still has this owner's state. Without this check, a store that was emptied or restored from
 * an older copy would answer queries until the next event comes. An unreachable store is asked later.
 */
async function checkState(work: ScoringWork): Promise<void> {
  const { deps, at, claimed, committer } = work
  work.storeAskedMs = deps.clock.nowMs()
  await deps.store.load(at, [noEntity], { ...claimed, last: committer.stored }).catch((error: unknown) => {
    if (!isEngineError(error) || error.disposition !== 'retry') work.halt(error)
  })
}

/**
 * The rules from the accepts of operators. Blocks name a control position, and blocks after a reset must name a later
 * position than the reset. So this waits until the routing has reached it.
 */
async function claimRules(
  { topic, partition, revoked }: Assignment,
  { stops, routing, clock }: ScoringDependencies,
): Promise<ClaimRules> {
  const accepted = stops?.accepted() ?? []
  const since = resetsOf(accepted, { topic, partition }).at(-1) ?? 0
  while (routing().position < since && !revoked.aborted) await clock.sleep(limits.routingPollMs, revoked)
  const place = { reader: scoringReader, topic, partition }
  return { since, control: routing().position, isAccepted: (code, lost) => isAccepted(accepted, place, code, lost) }
}
