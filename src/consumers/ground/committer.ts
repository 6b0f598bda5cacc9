import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'
import type { Dirty } from '../../features/plan/plan.js'
import type { StateOwner, StatePartition, StateStore } from '../../state/state-store.js'
import type { Offset } from '../../log/event-log.js'

export interface CommitInterval {
  readonly commitIntervalMs: number
  readonly commitIntervalMaxMs: number
}

/** State in memory that gives what changed since it was last asked. */
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
  /** The interval since the last commit is over, and there is something to write. Never while one is on its way. */
  due(lastFolded: Offset): boolean
  /**
   * Serialises what changed at once, before anything more is folded, and writes it with `last` in the background.
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
   * Drops a little of what has expired. By the clock of what is committed: an owner that starts from there folds the
   * events after it again, and must find what they read. A store that is away is swept another time.
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
      // The next interval begins when this commit is in: behind a slow store no queue of commits forms.
      dueAtMs = Infinity
      const startedMs = clock.nowMs()
      queue = write(queue, last, state.takeDirty(), startedMs)
      return queue
    },
  }
}
