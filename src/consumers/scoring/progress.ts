import type { Offset } from '../../log/event-log.js'

/** The progress of a partition. Both halves of its pipeline, folding and publishing, update it and wait on it. */
export interface Progress {
  /** The last offset in the state in memory. */
  folded: Offset
  /** Chunks folded and not yet appended. */
  inFlight: number
  /** Everything folded is durable: the state may be committed. */
  readonly settled: boolean
  /** Resolves when the condition holds or the partition stops. Each `changed` checks it again. */
  until(condition: () => boolean): Promise<void>
  changed(): void
}

export function createProgress(last: Offset, stopped: AbortSignal): Progress {
  const waiting = new Set<() => void>()
  const progress: Progress = {
    folded: last,
    inFlight: 0,
    get settled() {
      return progress.inFlight === 0
    },
    async until(condition) {
      while (!condition() && !stopped.aborted) await new Promise<void>((resolve) => waiting.add(resolve))
    },
    changed() {
      for (const resolve of waiting) resolve()
      waiting.clear()
    },
  }
  stopped.addEventListener('abort', () => progress.changed(), { once: true })
  return progress
}
