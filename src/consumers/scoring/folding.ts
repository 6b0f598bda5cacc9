import { limits } from '../../base/limits.js'
import type { Block } from '../../log/blocks/block.js'
import { withoutFaults, type Decoded } from '../ground/decode.js'
import { FoldFault } from '../ground/record-fault.js'
import type { LogRecord, Offset, ReadBound } from '../../log/event-log.js'
import type { Misplaced } from '../ground/misplaced.js'
import type { TimerMember } from './batch-timer.js'
import { decodeWith, lastTogether } from './chunk-tenants.js'
import { foldChunk, scoreChunk, type FoldedChunk } from './folded-chunk.js'
import type { ScoringWork } from './work.js'

/** A chunk in flight: folded, and being scored in the model's thread. */
export interface InFlight {
  readonly records: number
  readonly chunk: FoldedChunk
  readonly block: Promise<Block>
  readonly badShare: number
  readonly misplaced: readonly Misplaced[] | undefined
}

/**
 * Folds chunk after chunk until the partition stops. Events up to offset `covered` have their result already: they
 * only change the state.
 */
export async function* folding(work: ScoringWork, timer: TimerMember): AsyncGenerator<InFlight> {
  const { stream, assignment, deps, claimed, gate, progress, committer, stopped } = work
  const { clock, settings } = deps
  const bound = { records: settings.chunkRecords, bytes: limits.chunkBytes }
  const boundFrom = (next: Offset): ReadBound =>
    next <= claimed.covered ? { ...bound, until: claimed.covered + 1 } : bound
  const reportCatchUp = catchUpOf(work)
  for (let next = claimed.from, restUntilMs = 0; !stopped.aborted && gate.stopped === undefined;) {
    if (clock.nowMs() < restUntilMs) await clock.sleep(restUntilMs - clock.nowMs(), stopped)
    const read = uncut(work, await assignment.reader.read(next, boundFrom(next), stopped))
    if (read.length === 0) {
      // Compaction may have removed the last covered records. The state is complete without them.
      if (next <= claimed.covered && !stopped.aborted) reportCatchUp((next = passCovered(work)))
      continue
    }
    if (read.length < limits.smallChunk.records) restUntilMs = timer.nextMs(clock.nowMs())
    const { whole: decodedAll, routing } = await decodeWith(work, read)
    const whole = withoutFaults(decodedAll, work.foldFaults)
    if (committer.due(progress.folded)) await progress.until(() => progress.settled)
    await progress.until(() => progress.inFlight < limits.chunksInFlight)
    await admit(work, whole)
    if (stopped.aborted) return
    if (committer.due(progress.folded) && progress.settled) work.commit()
    const { records, decoded } = gate.take(read, whole)
    const isNew = records.at(-1)!.offset > claimed.covered
    const misplaced = work.placement.take(decoded.records, decoded.events, isNew ? clock.nowMs() : undefined)
    const after = Math.max(progress.folded, claimed.covered)
    const chunk = await foldedOrSettled(work, () =>
      foldChunk(stream, work.state, decoded, after, records.at(-1)!.offset),
    )
    progress.folded = chunk.last
    next = chunk.last + 1
    reportCatchUp(next)
    if (chunk.last <= claimed.covered) continue
    progress.inFlight++
    const block = scoreChunk(stream, routing, chunk, claimed.epoch)
    block.catch(() => undefined)
    yield { records: records.length, chunk, block, badShare: gate.share, misplaced }
  }
}

/** After a FoldFault the state is never committed, and the chunks before it get their results before the work ends. */
async function foldedOrSettled(work: ScoringWork, fold: () => FoldedChunk): Promise<FoldedChunk> {
  try {
    return fold()
  } catch (error) {
    work.isStateBroken = true
    if (error instanceof FoldFault) await work.progress.until(() => work.progress.settled)
    throw error
  }
}

/** The log holds no record up to the last covered offset any more. Returns the offset after it. */
function passCovered({ claimed, progress }: ScoringWork): Offset {
  progress.folded = Math.max(progress.folded, claimed.covered)
  return claimed.covered + 1
}

/** Loads the state that the events of a chunk need, as far as it is not in memory. */
async function admit(work: ScoringWork, { events }: Decoded): Promise<void> {
  const { store, state, at, claimed, committer, deps } = work
  for (let keys = state.missing(events); keys.length > 0; keys = state.missing(events)) {
    work.storeAskedMs = deps.clock.nowMs()
    state.admit(keys, await store.load(at, keys, { ...claimed, last: committer.stored }))
  }
}

/** Reports the progress of the catch-up: once now, and after each of its chunks. */
function catchUpOf({ deps, at, claimed: { from: first, last, covered } }: ScoringWork): (next: Offset) => void {
  let catchingUp = first <= covered
  const report = (next: Offset): void => {
    if (catchingUp) deps.onCatchUp?.({ ...at, isRebuild: last < 0, first, next, last: covered })
    catchingUp &&= next <= covered
  }
  report(first)
  return report
}

/**
 * Ends a chunk at the last covered offset, so that a chunk is either folded again or scored, never both. While events
 * are folded again, it also ends where other tenants may have been known.
 */
function uncut(work: ScoringWork, records: readonly LogRecord[]): readonly LogRecord[] {
  if (records.length === 0) return records
  const last = lastTogether(work, records[0]!.offset)
  return records.at(-1)!.offset <= last ? records : records.filter((record) => record.offset <= last)
}
