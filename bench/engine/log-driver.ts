import { monotonicMs, systemClock } from '../../src/base/clock.js'
import type { NewRecord } from '../../src/log/event-log.js'
import { withLog } from '../../src/compose/tasks.js'
import { sendAtRate } from './driver.js'
import { quantilesOf, scheduledOf, type Drive, type Driven, type Quantiles } from './latency.js'
import { readPredictions } from './predictions.js'
import { benchConfig, benchStream, workloadRecords, type BenchPlace } from './setup.js'

/** What a consumer of the predictions topic saw of the measured part. */
export interface Received extends Driven {
  readonly receipt: Quantiles
}

/** Predictions that have not come by then are missing. */
const patienceMs = 40_000

/**
 * Appends the workload's next events to the log at a rate, open loop, as a producer would, and receives the predictions
 * from the log as any consumer would: what it measures is what users of the log see.
 */
export async function driveLog(where: BenchPlace, { rate, lingerMs, warmSeconds, seconds }: Drive): Promise<Received> {
  const stream = await benchStream()
  const total = rate * (warmSeconds + seconds)
  const placed = [...workloadRecords(stream, 'json', total)]
  const receivedMs = new Map<string, number>()
  return withLog(benchConfig(where), [stream], async (log) => {
    const complete = new AbortController()
    const receiving = readPredictions(
      log,
      stream,
      ({ eventIds }) => {
        const nowMs = monotonicMs()
        for (const id of eventIds) receivedMs.set(id, nowMs)
        if (receivedMs.size >= total) complete.abort()
      },
      complete.signal,
    )
    // Whoever drives waits for it at the end.
    receiving.catch(() => complete.abort())
    const send = async (first: number, end: number): Promise<boolean> => {
      const batches = new Map<number, NewRecord[]>()
      for (const { partition, record } of placed.slice(first, end)) {
        const batch = batches.get(partition)
        if (batch === undefined) batches.set(partition, [record])
        else batch.push(record)
      }
      const appends = [...batches].map(([partition, records]) =>
        log.append({ topic: stream.topics.events, partition }, records),
      )
      return (await Promise.allSettled(appends)).every(({ status }) => status === 'fulfilled')
    }
    const { sent, latestMs } = await sendAtRate(total, { ratePerSecond: rate, lingerMs }, send)
    await systemClock.sleep(patienceMs, complete.signal)
    complete.abort()
    await receiving
    const scheduledMs = scheduledOf(sent, rate * warmSeconds)
    const latencies = Object.entries(scheduledMs).flatMap(([id, dueMs]) =>
      receivedMs.has(id) ? [receivedMs.get(id)! - dueMs] : [],
    )
    return {
      scheduledMs,
      driverLatestMs: latestMs,
      refused: sent.filter(({ taken }) => !taken).length,
      receipt: quantilesOf(latencies),
    }
  })
}
