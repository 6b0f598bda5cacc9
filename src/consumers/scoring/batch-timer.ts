import { limits } from '../../base/limits.js'

/**
 * Decides when the small chunks of a process begin. All its partitions wait for the same ticks, so that their chunks
 * are read, scored and written together.
 */
export interface BatchTimer {
  /** Adds a partition that is scored from now on. */
  join(): TimerMember
}

export interface TimerMember {
  /** The next tick, epoch ms. The more partitions there are, the longer the interval between two ticks. */
  nextMs(nowMs: number): number
  leave(): void
}

export function createBatchTimer(): BatchTimer {
  const { partitionMs, leastMs, mostMs } = limits.smallChunk
  let partitions = 0
  return {
    join() {
      partitions++
      return {
        nextMs(nowMs) {
          const intervalMs = Math.min(Math.max(Math.ceil(partitions * partitionMs), leastMs), mostMs)
          return (Math.floor(nowMs / intervalMs) + 1) * intervalMs
        },
        leave: () => void partitions--,
      }
    },
  }
}
