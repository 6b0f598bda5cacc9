import { limits } from '../../base/limits.js'

/**
 * When the small chunks of a process begin: all its partitions rest until the same moments, so that they are read,
 * scored and written together.
 */
export interface Beat {
  /** A partition that is scored from now on. */
  join(): Member
}

interface Member {
  /** The coming moment. The more partitions there are, the farther apart the moments lie. */
  nextMs(nowMs: number): number
  leave(): void
}

export function createBeat(): Beat {
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
