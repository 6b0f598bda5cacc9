import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'
import type { Dirty } from '../../features/plan/plan.js'
import type { StateOwner, StatePartition, StateStore } from '../../state/state-store.js'
import type { Offset } from '../../log/event-log.js'

export interface CommitInterval {
  readonly commitIntervalMs: number
  readonly commitIntervalMaxMs: number
}

/** State in memory. Each call returns the changes since the last one. */
export interface ChangingState {
  takeDirty(): Dirty
}

export interface CommitterOptions extends CommitInterval {
  /** Waits while it is unreachable: see `patientStore`. */
  readonly store: Pick<StateStore, 'commit' | 'sweep'>
  readonly state: ChangingState
  readonly at: StatePartition
  /** As claimed: `last` is the last offset in the stored state. */
  readonly owner: StateOwner
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Expired state is dropped no more often than this. */
  readonly sweepIntervalMs: number
  /** After each commit. */
  readonly onCommitted: (last: Offset) => Promise<void>
}

/** Writes a partition's state at intervals. Commits follow one another; each covers everything folded before it. */
export interface Committer {
  /** Whether the interval since the last commit is over and there is something to write. False during a commit. */
  due(lastFolded: Offset): boolean
  /**
   * Serialises the changes immediately, before more is folded, and writes them with `last` in the background.
   * Call it only when every folded chunk is appended. Rejects with FENCED or CONFLICT when another owner has claimed.
   */
  commit(last: Offset): Promise<void>
  /** The last offset that is known to be in the stored state. */
  readonly stored: Offset
}

/** Commits take at most this share of the time: the interval grows with what a commit costs. */
const share = 0.1

export function createCommitter(options: CommitterOptions): Committer {
  const { store, state, at, clock, signal } = options
  const { epoch, claim } = options.owner
  let stored = options.owner.last
  let handed = stored
  let dueAtMs = clock.nowMs() + options.commitIntervalMs
  let sweepAtMs = dueAtMs
  let queue: Promise<void> = Promise.resolve()

  async function write(previousCommit: Promise<void>, last: Offset, dirty: Dirty, startedMs: number): Promise<void> {
    await previousCommit
    await store.commit({ at, epoch, claim, previous: stored, last, puts: dirty.puts, deletes: dirty.deletes })
    stored = last
    dirty.committed()
    dueAtMs =
      clock.nowMs() +
      Math.min(Math.max((clock.nowMs() - startedMs) / share, options.commitIntervalMs), options.commitIntervalMaxMs)
    await options.onCommitted(last)
    await sweep(dirty.clockMs)
  }

  /**
   * Drops some of the expired state, by the event time of the committed state: an owner that starts from the commit
   * folds the events after it again, and needs the state that they read. An unreachable store is swept later.
   */
  async function sweep(clockMs: number): Promise<void> {
    if (clock.nowMs() < sweepAtMs || signal.aborted) return
    sweepAtMs = clock.nowMs() + options.sweepIntervalMs
    await store.sweep(at, { epoch, claim, last: stored }, clockMs).catch((error: unknown) => {
      if (!isEngineError(error) || error.disposition !== 'retry') throw error
    })
  }

  return {
    get stored() {
      return stored
    },
    due: (lastFolded) => lastFolded > handed && clock.nowMs() >= dueAtMs,
    commit(last) {
      if (last <= handed) return queue
      handed = last
      // The next interval begins when this commit is done, so that commits do not queue up before a slow store.
      dueAtMs = Infinity
      const startedMs = clock.nowMs()
      queue = write(queue, last, state.takeDirty(), startedMs)
      return queue
    },
  }
}
