import type { Clock } from '../clock.js'
import { limits } from '../limits.js'
import type { EventLog, TopicPartition } from '../log/event-log.js'
import type { Warehouse } from '../sinks/warehouse.js'
import { patiently } from './retry.js'
import { encodeMarks, type Mark } from './warehouse-progress.js'

/** What the flow knows of how far it is, and has written down of it. */
export interface ProgressTracker {
  /** A partition is read from here on. */
  start(mark: Mark): void
  /** Everything before these is stored. They are written down soon, all partitions of all tables in one insert. */
  stored(marks: readonly Mark[]): void
  marks(): readonly Mark[]
  /** Resolves when everything before the given positions is stored. */
  reached(until: readonly Position[]): Promise<void>
  lagRecords(): number
  /** Writes down what is not yet. */
  close(): Promise<void>
}

interface Position extends TopicPartition {
  readonly next: number
}

export interface TrackerOptions {
  readonly warehouse: Warehouse
  readonly clock: Clock
  readonly log: EventLog
  /** When it aborts, a failing write is given up instead of repeated. */
  readonly stopping: AbortSignal
  readonly onRetry: (error: unknown) => void
  readonly onWritten: () => void
}

const placeOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export function trackProgress({ warehouse, clock, log, stopping, onRetry, onWritten }: TrackerOptions): ProgressTracker {
  const marks = new Map<string, Mark>()
  const waiting = new Set<() => void>()
  let unwritten = new Map<string, Mark>()
  let writing: Promise<void> | undefined
  const ends = trackEnds(log)

  async function write(): Promise<void> {
    const batch = unwritten
    unwritten = new Map()
    if (batch.size === 0) return
    const native = encodeMarks([...batch.values()], clock.nowMs())
    await patiently(() => warehouse.insert('progress', native), { clock, signal: stopping, onRetry })
    onWritten()
  }

  /** Until nothing is unwritten. What a failed write leaves out is stored again after the next start. */
  async function writeSoon(): Promise<void> {
    while (unwritten.size > 0 && !stopping.aborted) {
      await clock.sleep(limits.progressIntervalMs, stopping)
      await write().catch(onRetry)
    }
    writing = undefined
  }

  return {
    start(mark) {
      marks.set(placeOf(mark), mark)
      unwritten.delete(placeOf(mark))
      for (const check of waiting) check()
    },
    stored(stored) {
      for (const mark of stored) {
        marks.set(placeOf(mark), mark)
        unwritten.set(placeOf(mark), mark)
      }
      writing ??= writeSoon()
      for (const check of waiting) check()
    },
    marks: () => [...marks.values()],
    reached: (until) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!until.every((position) => (marks.get(placeOf(position))?.next ?? 0) >= position.next)) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
    lagRecords: () => ends.lagOf([...marks.values()]),
    async close() {
      await writing
      await write().catch(onRetry)
    },
  }
}

/** The ends of partitions, looked at again each time somebody asks, without waiting for the answer. */
function trackEnds(log: EventLog) {
  const ends = new Map<string, number>()
  let looking = false
  async function look(positions: readonly Position[]): Promise<void> {
    if (looking) return
    looking = true
    await Promise.allSettled(positions.map(async ({ topic, partition }) => ends.set(placeOf({ topic, partition }), (await log.bounds({ topic, partition })).next)))
    looking = false
  }
  return {
    lagOf(positions: readonly Position[]): number {
      void look(positions)
      return positions.reduce((sum, position) => sum + Math.max(0, (ends.get(placeOf(position)) ?? position.next) - position.next), 0)
    },
  }
}
