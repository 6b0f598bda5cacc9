import { limits } from '../../base/limits.js'
import type { PartitionState } from '../../features/plan/plan.js'
import type { Assignment, EventLog, Offset } from '../../log/event-log.js'
import type { StatePartition, StateStore } from '../../state/state-store.js'
import type { SchemaSource } from '../../streams/codec/schema-source.js'
import type { Claimed } from '../ground/claim.js'
import type { Stretch } from '../control/stretches.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { FoldFaults } from '../ground/record-fault.js'
import { createCommitter, type ChangingState, type Committer } from '../ground/committer.js'
import { placementKey } from '../ground/misplaced.js'
import { openPlacement, type Placement } from '../ground/placement.js'
import { patient, patientLog, patientStore } from '../ground/retry.js'
import type { ScoringDependencies } from './dependencies.js'
import { openPartitionGate, type PartitionGate } from './partition-gate.js'
import { createProgress, type Progress } from './progress.js'

/** The ports of one assignment. Calls are repeated while a server is unreachable, until the partition is revoked. */
export interface ScoringPorts {
  readonly log: EventLog
  readonly store: StateStore
  readonly schemas: Pick<SchemaSource, 'resolve'> | undefined
}

export function portsOf(stream: CompiledStream, assignment: Assignment, deps: ScoringDependencies): ScoringPorts {
  const what = `${stream.topics.events}/${assignment.partition}`
  const retry = {
    clock: deps.clock,
    signal: assignment.revoked,
    onRetry: (error: unknown) => deps.onRetry(what, error),
  }
  return {
    log: patientLog(deps.log, retry),
    store: patientStore(deps.store, retry),
    schemas: deps.schemas === undefined ? undefined : patient(deps.schemas, ['resolve'], retry),
  }
}

/** The parts of one partition's pipeline, from the claim to the hand-over. */
export interface ScoringWork extends ScoringPorts {
  readonly stream: CompiledStream
  readonly assignment: Assignment
  readonly deps: ScoringDependencies
  readonly at: StatePartition
  readonly claimed: Claimed
  /** The control positions of the events that are folded again. Empty where tenants never change. */
  readonly positions: readonly Stretch[]
  readonly state: PartitionState
  readonly gate: PartitionGate
  readonly placement: Placement
  readonly progress: Progress
  readonly committer: Committer
  /** Aborts when the partition is revoked, or when its work has ended or failed. */
  readonly stopped: AbortSignal
  /** Ends the work. With a reason, the work has failed. */
  halt(reason?: unknown): void
  /** Throws the reason of the first `halt` that had one. */
  assertHealthy(): void
  /** Records that made the fold throw before: they become dead letters. */
  readonly foldFaults: FoldFaults
  /** Whether a fold threw midway. Then `commit` does nothing. */
  isStateBroken: boolean
  /** The position of a routing that did not reach the end of the control topic in time. */
  waitedAt: Offset | undefined
  /** The time of the last call to the store, epoch ms. */
  storeAskedMs: number
  /** Commits the folded state in the background. Call it only when every folded chunk is appended. */
  commit(): void
}

/** Opens the state of a claimed partition. Errors of the store. */
export async function openWork(
  stream: CompiledStream,
  assignment: Assignment,
  deps: ScoringDependencies,
  ports: ScoringPorts,
  { claimed, positions, foldFaults }: Pick<ScoringWork, 'claimed' | 'positions' | 'foldFaults'>,
): Promise<ScoringWork> {
  const { clock, settings } = deps
  const { partition, revoked } = assignment
  const at = { stream: stream.stream.name, partition }
  const state = stream.plan.open(settings.cachedEntities, settings.seenIds)
  const gate = await openPartitionGate({
    at: assignment,
    rule: settings.badShare,
    accepted: () => deps.acceptedBadShares?.(at.stream, partition) ?? [],
    last: claimed.last,
    covered: claimed.covered,
    state,
    load: async (key) => (await ports.store.load(at, [key], claimed))[0],
  })
  const halted = new AbortController()
  const stopped = AbortSignal.any([revoked, halted.signal])
  const placement = openPlacement(stream.stream, partition, (await ports.store.load(at, [placementKey], claimed))[0])
  const progress = createProgress(claimed.last, stopped)
  const committer = createCommitter({
    sweepIntervalMs: limits.sweepIntervalMs,
    ...settings,
    store: ports.store,
    state: withPlacement(gate.state, placement),
    at,
    owner: claimed,
    clock,
    signal: revoked,
    onCommitted: (last: Offset) => assignment.commit(last + 1),
  })
  const work: ScoringWork = {
    ...ports,
    ...{ stream, assignment, deps, at, claimed, positions, state, gate, placement, progress, committer, stopped },
    foldFaults,
    isStateBroken: false,
    waitedAt: undefined,
    storeAskedMs: clock.nowMs(),
    halt: (reason) => halted.abort(reason),
    assertHealthy: () => halted.signal.throwIfAborted(),
    commit() {
      if (work.isStateBroken) return
      work.storeAskedMs = clock.nowMs()
      void committer.commit(progress.folded).catch((error: unknown) => halted.abort(error))
    },
  }
  return work
}

/** The state together with the count of misplaced events, for one commit. */
const withPlacement = (state: ChangingState, placement: Placement): ChangingState => ({
  takeDirty() {
    const dirty = state.takeDirty()
    const blob = placement.takeDirty()
    return blob === undefined
      ? dirty
      : { ...dirty, puts: [...dirty.puts, { key: placementKey, blob, expiresAtMs: Number.MAX_SAFE_INTEGER }] }
  },
})
