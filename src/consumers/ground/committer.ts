import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'
import type { Dirty, PartitionState } from '../../features/plan/plan.js'
import type { StatePartition, StateStore } from '../../state/state-store.js'
import type { Offset } from '../../log/event-log.js'
import { patiently } from './retry.js'

export interface CommitInterval {
  readonly commitIntervalMs: number
  readonly commitIntervalMaxMs: number
}

export interface CommitterOptions extends CommitInterval {
  readonly store: StateStore
  readonly state: Pick<PartitionState, 'takeDirty'>
  readonly at: StatePartition
  readonly epoch: number
  readonly claim: string
  /** The last offset in the stored state. */
  readonly last: Offset
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
  const { store, state, at, epoch, claim, clock, signal } = options
  let stored = options.last
  let handed = options.last
  let dueAtMs = clock.nowMs() + options.commitIntervalMs
  let sweepAtMs = dueAtMs
  let queue: Promise<void> = Promise.resolve()

  async function write(previousCommit: Promise<void>, last: Offset, dirty: Dirty, startedMs: number): Promise<void> {
    await previousCommit
    await patiently(
      () => store.commit({ at, epoch, claim, previous: stored, last, puts: dirty.puts, deletes: dirty.deletes }),
      { clock, signal },
    )
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
