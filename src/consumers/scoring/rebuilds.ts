import type { Clock } from '../../base/clock.js'
import type { RebuildingPartition } from '../../contracts/partitions.js'
import type { Refold } from './partition.js'

/** How far the partitions of this process are in what has its results already. */
export interface Rebuilds {
  readonly onRefold: (refold: Refold) => void
  /** Those that are not done. */
  current(): readonly RebuildingPartition[]
}

interface Running {
  readonly startedMs: number
  saidMs: number
  refold: Refold
}

/** Between two lines about the same partition. */
const sayEveryMs = 10_000
/** What was folded since the last commit is a matter of a second, and not worth a line. */
const worthSaying = 50_000

/** Follows rebuilds and says in a sentence when one begins, goes on for long, and ends. */
export function followRebuilds(clock: Clock, report: (message: string) => void): Rebuilds {
  const running = new Map<string, Running>()

  const snapshotOf = ({
    startedMs,
    refold: { stream, partition, first, next, last, isRebuild },
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

  function say(one: Running): void {
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
    onRefold(refold) {
      const key = `${refold.stream}/${refold.partition}`
      const known = running.get(key)
      const begins = known === undefined || refold.next === refold.first
      const one: Running = begins ? { startedMs: clock.nowMs(), saidMs: clock.nowMs(), refold } : { ...known, refold }
      const isDone = refold.next > refold.last
      const loud = refold.isRebuild || refold.last - refold.first >= worthSaying
      if (loud && (begins || isDone || clock.nowMs() - one.saidMs >= sayEveryMs)) {
        one.saidMs = clock.nowMs()
        say(one)
      }
      if (isDone) running.delete(key)
      else running.set(key, one)
    },
    current: () => [...running.values()].map(snapshotOf),
  }
}
