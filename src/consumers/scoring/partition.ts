import { concatMap, from, lastValueFrom } from 'rxjs'
import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'
import type { BadShareRule, Forgiven } from '../../features/memory/bad-share.js'
import { noEntity, type StateStore } from '../../state/state-store.js'
import { limits } from '../../base/limits.js'
import type { Block } from '../../log/blocks/block.js'
import { encodeBlock } from '../../log/blocks/codec.js'
import type { Assignment, EventLog, LogRecord, Offset } from '../../log/event-log.js'
import type { Routing } from '../../scorers/routing.js'
import type { SchemaSource } from '../../streams/codec/schema-source.js'
import { createBeat, type Beat } from './batch-timer.js'
import { claimPartition, type ClaimRules } from '../ground/claim.js'
import { createCommitter, type CommitInterval } from '../ground/committer.js'
import type { CompiledStream } from '../ground/compiled.js'
import { appendDeadLetters } from '../ground/dead-letter.js'
import { decodeChunk, readersFor, type Decoded, type Tenants } from '../ground/decode.js'
import { foldChunk, scoreChunk, type FoldedChunk } from './folded-chunk.js'
import { openLine } from './partition-gate.js'
import { createProgress } from './progress.js'
import { patiently } from '../ground/retry.js'
import { isAccepted, resetsOf, scoringReader, type Stops } from '../control/stops.js'

export interface ScoringSettings extends CommitInterval {
  readonly chunkRecords: number
  readonly cachedEntities: number
  readonly seenIds: number
  /** Expired state is dropped no more often than this; `limits.sweepIntervalMs` where absent. */
  readonly sweepIntervalMs?: number
  /** When too many bad records stop a partition; without it they never do. */
  readonly badShare?: BadShareRule
}

/** What became of one chunk, told once its block is durable. */
export interface ChunkReport {
  readonly stream: string
  readonly partition: number
  readonly records: number
  readonly chunk: FoldedChunk
  readonly block: Block
  readonly appendedAtMs: number
  /** Bad ones of the partition's last records, 0..1; 0 where no rule counts them. */
  readonly badShare: number
}

export interface ScoringDependencies {
  readonly log: EventLog
  readonly store: StateStore
  /** What records in the wire format of a schema registry were written with; without it they are dead letters. */
  readonly schemas?: SchemaSource | undefined
  readonly routing: () => Routing
  readonly tenants: Tenants
  readonly clock: Clock
  readonly settings: ScoringSettings
  /** What dead letters name as the build that set them aside. */
  readonly build?: string
  /** Stops for too many bad records that a person accepted. */
  readonly forgiven?: (stream: string, partition: number) => readonly Forgiven[]
  /** Where a partition that must not go on stands still until an operator accepts it; without it the flow fails. */
  readonly stops?: Stops | undefined
  /**
   * Told how far a partition is in what has its results already: at the claim, after every chunk of it, and at the end.
   */
  readonly onRefold?: (refold: Refold) => void
  /** Shared by the partitions of a process. */
  readonly beat?: Beat
  readonly onChunk: (report: ChunkReport) => void
  readonly onRetry: (what: string, error: unknown) => void
}

/** Events that have their results are folded again: since the last commit, or all of them where the state was lost. */
export interface Refold {
  readonly stream: string
  readonly partition: number
  /** The state was empty or of another plan. */
  readonly isRebuild: boolean
  /** The first offset, the next, and the last; done when `next` is beyond `last`. */
  readonly first: Offset
  readonly next: Offset
  readonly last: Offset
}

/** A chunk on its way: folded, and being scored in the model's thread. */
interface InFlight {
  readonly records: number
  readonly chunk: FoldedChunk
  readonly block: Promise<Block>
  readonly badShare: number
}

/**
 * Scores one partition until it is revoked: read, decode, fold, score, append the block, commit the state. While a
 * chunk is in the model's thread or on its way to disk the next one is read and folded, at most
 * `limits.chunksInFlight` of them; blocks are appended one at a time, in order. An event that comes after a pause is
 * scored at once; small chunks that follow each other are kept apart a little, so that they become fewer.
 */
export async function scorePartition(
  stream: CompiledStream,
  assignment: Assignment,
  deps: ScoringDependencies,
): Promise<void> {
  const { log, store, clock, settings } = deps
  const { partition, revoked } = assignment
  const patience = {
    clock,
    signal: revoked,
    onRetry: (error: unknown) => deps.onRetry(`${stream.topics.events}/${partition}`, error),
  }
  const rules = await claimRules(assignment, deps)
  const {
    epoch,
    claim,
    last,
    covered,
    from: first,
    fence,
  } = await claimPartition(log, store, stream, partition, patience, rules)

  const at = { stream: stream.stream.name, partition }
  let refolding = first <= covered
  const refolded = (next: Offset): void => {
    if (refolding) deps.onRefold?.({ ...at, isRebuild: last < 0, first, next, last: covered })
    refolding &&= next <= covered
  }
  refolded(first)
  const state = stream.plan.open(settings.cachedEntities, settings.seenIds)
  const line = await openLine({
    at: assignment,
    rule: settings.badShare,
    forgiven: () => deps.forgiven?.(at.stream, partition) ?? [],
    last,
    covered,
    state,
    load: async (key) => (await patiently(() => store.load(at, [key], { epoch, claim, last }), patience))[0],
  })
  const version = `${deps.build ?? 'unnamed'} ${stream.plan.fingerprint}`
  const halted = new AbortController()
  const stopped = AbortSignal.any([revoked, halted.signal])
  const progress = createProgress(last, stopped)
  const committer = createCommitter({
    sweepIntervalMs: limits.sweepIntervalMs,
    ...settings,
    store,
    state: line.state,
    at,
    epoch,
    claim,
    last,
    clock,
    signal: revoked,
    onCommitted: (done) => assignment.commit(done + 1),
  })
  let lookedAtMs = clock.nowMs()
  const commit = (): void => {
    lookedAtMs = clock.nowMs()
    void committer.commit(progress.folded).catch((error: unknown) => halted.abort(error))
  }

  async function admit(decoded: Decoded): Promise<void> {
    for (let keys = state.missing(decoded.events); keys.length > 0; keys = state.missing(decoded.events)) {
      const wanted = keys
      lookedAtMs = clock.nowMs()
      state.admit(
        wanted,
        await patiently(() => store.load(at, wanted, { epoch, claim, last: committer.stored }), patience),
      )
    }
  }

  /**
   * Folds chunk after chunk. Offsets up to `covered` have their result already: they change the state and nothing else.
   */
  async function* folding(): AsyncGenerator<InFlight> {
    const bound = { records: settings.chunkRecords, bytes: limits.chunkBytes }
    for (let next: Offset = first, restUntilMs = 0; !stopped.aborted && line.stopped === undefined;) {
      if (clock.nowMs() < restUntilMs) await clock.sleep(restUntilMs - clock.nowMs(), stopped)
      const read = uncut(await assignment.reader.read(next, bound, stopped), covered)
      if (read.length === 0) continue
      if (read.length < limits.smallChunk.records) restUntilMs = beat.nextMs(clock.nowMs())
      const whole = decodeChunk(stream, deps.tenants, read, await readersFor(stream, read, deps.schemas, patience))
      if (committer.due(progress.folded)) await progress.until(() => progress.settled)
      await progress.until(() => progress.inFlight < limits.chunksInFlight)
      await admit(whole)
      if (stopped.aborted) return
      if (committer.due(progress.folded) && progress.settled) commit()
      const { records, decoded } = line.take(read, whole)
      const chunk = foldChunk(stream, state, decoded, Math.max(progress.folded, covered), records.at(-1)!.offset)
      progress.folded = chunk.last
      next = chunk.last + 1
      refolded(next)
      if (chunk.last <= covered) continue
      progress.inFlight++
      const block = scoreChunk(stream, deps.routing(), chunk, epoch)
      block.catch(() => undefined)
      yield { records: records.length, chunk, block, badShare: line.share }
    }
  }

  /** Dead letters first, then the block: a covered offset has its result wherever a crash falls. */
  async function publish({ records, chunk, block: scoring, badShare }: InFlight): Promise<void> {
    if (chunk.dead.length > 0)
      await patiently(
        () => appendDeadLetters(log, { topic: stream.topics.deadLetters, partition }, assignment, chunk.dead, version),
        patience,
      )
    const block = await scoring
    const value = encodeBlock(block)
    await fence.passed(
      await patiently(
        () => log.append({ topic: stream.topics.predictions, partition }, [{ key: null, value }]),
        patience,
      ),
      epoch + 1,
    )
    progress.inFlight--
    progress.changed()
    deps.onChunk({
      stream: stream.stream.name,
      partition,
      records,
      chunk,
      block,
      badShare,
      appendedAtMs: clock.nowMs(),
    })
  }

  /** While nothing arrives the last events are committed all the same, and a state that was lost is noticed. */
  async function whenIdle(): Promise<void> {
    while (!stopped.aborted) {
      await clock.sleep(settings.commitIntervalMs, stopped)
      if (committer.due(progress.folded) && progress.settled) commit()
      else if (clock.nowMs() - lookedAtMs >= limits.ownedStateCheckMs) void look()
    }
  }

  /** Queries would be answered from a state that was emptied or put back until the next event came. */
  async function look(): Promise<void> {
    lookedAtMs = clock.nowMs()
    await store.load(at, [noEntity], { epoch, claim, last: committer.stored }).catch((error: unknown) => {
      if (!isEngineError(error) || error.disposition !== 'retry') halted.abort(error)
    })
  }

  if (line.stopped === undefined) await deps.stops?.going({ reader: scoringReader, topic: assignment.topic, partition })
  const beat = (deps.beat ?? createBeat()).join()
  const idle = whenIdle()
  try {
    await lastValueFrom(from(folding()).pipe(concatMap(publish)), { defaultValue: undefined })
    halted.signal.throwIfAborted()
    await committer.commit(progress.folded)
    if (line.stopped !== undefined && !revoked.aborted) throw line.stopped
  } finally {
    halted.abort()
    beat.leave()
    await idle
  }
}

/**
 * What operators accepted of the partition. Blocks name a control position: those behind a reset must name a later one.
 */
async function claimRules(
  { topic, partition, revoked }: Assignment,
  { stops, routing, clock }: ScoringDependencies,
): Promise<ClaimRules> {
  const accepted = stops?.accepted() ?? []
  const since = resetsOf(accepted, { topic, partition }).at(-1) ?? 0
  while (routing().position < since && !revoked.aborted) await clock.sleep(routingPollMs, revoked)
  return {
    since,
    control: routing().position,
    isAccepted: (code, lost) => isAccepted(accepted, { reader: scoringReader, topic, partition }, code, lost),
  }
}

/** The routing follows the same topic as the stops, by a reader of its own. */
const routingPollMs = 20

/** Ends a chunk at the last covered offset, so that a chunk is either folded again or scored, never half of each. */
function uncut(records: readonly LogRecord[], covered: Offset): readonly LogRecord[] {
  if (records.length === 0 || records[0]!.offset > covered || records.at(-1)!.offset <= covered) return records
  return records.filter((record) => record.offset <= covered)
}
