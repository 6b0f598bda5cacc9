import type { Clock } from '../../base/clock.js'
import { createConditions } from '../../base/conditions.js'
import { oneAtATime } from '../../base/one-at-a-time.js'
import { limits } from '../../base/limits.js'
import type { EventLog, TopicPartition } from '../../log/event-log.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { patient } from '../ground/retry.js'
import { encodeMarks, type Mark } from './progress.js'

/** How far the flow has stored its partitions; writes this to the `progress` table. */
export interface ProgressTracker {
  /**
   * A partition is read from the mark on, until `revoked`. Reports of its earlier readers no longer count. `skip` is
   * that of its reader: offsets without a record are no lag.
   */
  start(mark: Mark, revoked: AbortSignal, skip?: (from: number) => number): PartitionProgress
  /** The marks of the partitions that are read now. */
  marks(): readonly Mark[]
  /** Resolves when everything before the given positions is stored. */
  reached(until: readonly Position[]): Promise<void>
  lagRecords(): number
  /** Writes the marks that are not written yet. */
  close(): Promise<void>
}

/** How far one reader of a partition has come. */
export interface PartitionProgress {
  /** Everything before the mark is stored. The mark is written soon, together with those of all other partitions. */
  stored(mark: Mark): void
  /**
   * Writes the mark now, so that it is there before any row after it. Resolves with false when the partition was
   * revoked before that. Errors of an insert.
   */
  ahead(mark: Mark): Promise<boolean>
}

interface Position extends TopicPartition {
  readonly next: number
}

export interface TrackerOptions {
  readonly warehouse: Warehouse
  readonly clock: Clock
  readonly log: EventLog
  /** When it aborts, a failing write is not repeated. */
  readonly stopping: AbortSignal
  readonly onRetry: (error: unknown) => void
  readonly onWritten: () => void
}

/** How often `reached` checks for offsets without a record. */
const recheckMs = 100

const placeOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export function trackProgress({
  warehouse,
  clock,
  log,
  stopping,
  onRetry,
  onWritten,
}: TrackerOptions): ProgressTracker {
  const readers = new Map<string, PartitionProgress>()
  const marks = new Map<string, Mark>()
  const skips = new Map<string, (from: number) => number>()
  const conditions = createConditions()
  let unwritten = new Map<string, Mark>()
  let writing: Promise<void> | undefined
  const inTurn = oneAtATime()
  const ends = trackEnds(log)
  const patientWarehouse = patient(warehouse, ['insert'], { clock, signal: stopping, onRetry })

  /** One write at a time: of two marks with the same `next`, the table keeps the one that was inserted last. */
  const write = (): Promise<void> =>
    inTurn(async () => {
      const batch = unwritten
      unwritten = new Map()
      if (batch.size === 0) return
      try {
        await patientWarehouse.insert('progress', encodeMarks([...batch.values()]))
        onWritten()
      } catch (error) {
        for (const [place, mark] of batch) if (!unwritten.has(place)) unwritten.set(place, mark)
        throw error
      }
    })

  /** Everything before this offset is stored, or holds no record; 0 where nothing reads the partition. */
  function storedOf(place: string): number {
    const next = marks.get(place)?.next
    return next === undefined ? 0 : skips.get(place)!(next)
  }

  /** Writes until no mark is unwritten. If that fails, the next start stores the rows after the old marks again. */
  async function writeSoon(): Promise<void> {
    while (unwritten.size > 0 && !stopping.aborted) {
      await clock.sleep(limits.progressIntervalMs, stopping)
      await write().catch(onRetry)
    }
    writing = undefined
  }

  return {
    start(mark, revoked, skip = (from) => from) {
      const place = placeOf(mark)
      const progress: PartitionProgress = {
        stored(stored) {
          // An insert may end after its partition was revoked. It counts, unless another reader has started since.
          if (readers.get(place) !== progress) return
          if (!revoked.aborted) marks.set(place, stored)
          unwritten.set(place, stored)
          writing ??= writeSoon()
          conditions.changed()
        },
        async ahead(next) {
          if (revoked.aborted || readers.get(place) !== progress) return false
          unwritten.set(place, next)
          const written = write()
          written.catch(() => undefined)
          const gone = new Promise<void>((resolve) =>
            revoked.addEventListener('abort', () => resolve(), { once: true }),
          )
          await Promise.race([written, gone])
          return !revoked.aborted
        },
      }
      if (revoked.aborted) return progress
      readers.set(place, progress)
      marks.set(place, mark)
      skips.set(place, skip)
      unwritten.delete(place)
      revoked.addEventListener('abort', () => readers.get(place) === progress && marks.delete(place), { once: true })
      conditions.changed()
      return progress
    },
    marks: () => [...marks.values()],
    async reached(until) {
      const isReached = (): boolean => until.every((position) => storedOf(placeOf(position)) >= position.next)
      while (!isReached()) {
        // No mark is stored for offsets without a record, so this also checks at intervals.
        const changed = new AbortController()
        void clock.sleep(recheckMs, changed.signal).then(() => changed.abort())
        await conditions.until(isReached, changed.signal)
        changed.abort()
      }
    },
    lagRecords: () => ends.lagOf([...marks.values()].map((mark) => ({ ...mark, next: storedOf(placeOf(mark)) }))),
    async close() {
      await writing
      await write().catch(onRetry)
    },
  }
}

/** The ends of partitions. Each call of `lagOf` reads them again in the background and uses the last known ones. */
function trackEnds(log: EventLog) {
  const ends = new Map<string, number>()
  let refreshing = false
  async function refresh(positions: readonly Position[]): Promise<void> {
    if (refreshing) return
    refreshing = true
    await Promise.allSettled(
      positions.map(async ({ topic, partition }) =>
        ends.set(placeOf({ topic, partition }), (await log.bounds({ topic, partition })).next),
      ),
    )
    refreshing = false
  }
  return {
    lagOf(positions: readonly Position[]): number {
      void refresh(positions)
      return positions.reduce(
        (sum, position) => sum + Math.max(0, (ends.get(placeOf(position)) ?? position.next) - position.next),
        0,
      )
    },
  }
}
