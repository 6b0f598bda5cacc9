import type { Clock } from '../../base/clock.js'
import type { CatchUp } from './dependencies.js'
import type { RebuildingPartition } from '../../contracts/partitions.js'

/** How far the partitions of this process are with their catch-ups. */
export interface Rebuilds {
  readonly onCatchUp: (catchUp: CatchUp) => void
  /** The partitions whose catch-up is not done. */
  current(): readonly RebuildingPartition[]
}

interface Running {
  readonly startedMs: number
  reportedMs: number
  catchUp: CatchUp
}

/** The interval between two reports about the same partition. */
const reportEveryMs = 10_000
/** Folding fewer records takes at most a second, and is not reported. */
const worthReporting = 50_000

/** Follows rebuilds and reports in a sentence the start, the progress and the end of each. */
export function followRebuilds(clock: Clock, report: (message: string) => void): Rebuilds {
  const running = new Map<string, Running>()

  const snapshotOf = ({
    startedMs,
    catchUp: { stream, partition, first, next, last, isRebuild },
  }: Running): RebuildingPartition => {
    const [recordsDone, records] = [next - first, last + 1 - first]
    const elapsedMs = clock.nowMs() - startedMs
    return {
      stream,
      partition,
      isRebuild,
      recordsDone,
      records,
      etaMs: recordsDone === 0 ? undefined : (elapsedMs / recordsDone) * (records - recordsDone),
    }
  }

  function reportOne(one: Running): void {
    const { stream, partition, recordsDone, records, etaMs, isRebuild } = snapshotOf(one)
    const what = isRebuild ? 'the state is rebuilt from the log' : 'events since the last commit are folded again'
    const eta = etaMs === undefined ? '' : `, about ${Math.ceil(etaMs / 1_000)} s left`
    const done = recordsDone === records
    report(
      `partition ${partition} of ${stream}: ${what}, nothing is published twice: ` +
        (done
          ? `${records} records done in ${((clock.nowMs() - one.startedMs) / 1_000).toFixed(1)} s`
          : `${recordsDone} of ${records} records${eta}`),
    )
  }

  return {
    onCatchUp(catchUp) {
      const key = `${catchUp.stream}/${catchUp.partition}`
      const known = running.get(key)
      const begins = known === undefined || catchUp.next === catchUp.first
      const one: Running = begins
        ? { startedMs: clock.nowMs(), reportedMs: clock.nowMs(), catchUp }
        : { ...known, catchUp }
      const isDone = catchUp.next > catchUp.last
      const isReported = catchUp.isRebuild || catchUp.last - catchUp.first >= worthReporting
      if (isReported && (begins || isDone || clock.nowMs() - one.reportedMs >= reportEveryMs)) {
        one.reportedMs = clock.nowMs()
        reportOne(one)
      }
      if (isDone) running.delete(key)
      else running.set(key, one)
    },
    current: () => [...running.values()].map(snapshotOf),
  }
}
