import { monotonicMs, systemClock } from '../../clock.js'
import { startEngine } from '../../main.js'
import { benchConfig, type BenchDirectory } from './setup.js'

export interface BacklogRun {
  /** From the first durable block to the last row in ClickHouse. */
  readonly eventsPerSecond: number
  /** The same up to the last durable block alone. */
  readonly scoredPerSecond: number
  readonly startupMs: number
  readonly cpuSeconds: number
  readonly peakMemoryMiB: number
  readonly rows: number
  readonly scoreSum: number
}

/**
 * Scores what lies in the log and stops the clock when every block is flushed and ClickHouse counts every row. The
 * clock starts with the first durable block, whose events are not counted: what came before is start-up.
 */
export async function runBacklog(where: BenchDirectory, events: number): Promise<BacklogRun> {
  const beganMs = monotonicMs()
  let firstMs = 0
  let lastMs = 0
  let first = 0
  let scored = 0
  const engine = await startEngine(benchConfig(where), {
    onScored({ records }) {
      lastMs = monotonicMs()
      if (scored === 0) {
        firstMs = lastMs
        first = records
      }
      scored += records
    },
  })
  try {
    const { rows, scoreSum } = await Promise.race([countAll(), engine.failed])
    const doneMs = monotonicMs()
    const { user, system } = process.cpuUsage()
    return {
      eventsPerSecond: (events - first) / ((doneMs - firstMs) / 1_000),
      scoredPerSecond: (events - first) / ((lastMs - firstMs) / 1_000),
      startupMs: firstMs - beganMs,
      cpuSeconds: (user + system) / 1e6,
      peakMemoryMiB: process.resourceUsage().maxRSS / 1_024,
      rows,
      scoreSum,
    }
  } finally {
    await engine.stop()
  }

  async function countAll(): Promise<{ rows: number; scoreSum: number }> {
    for (;;) {
      await systemClock.sleep(10)
      if (scored < events || engine.snapshot().warehouseLagRecords > 0) continue
      const [row] = await engine.query<{ rows: string | number; score_sum: number }>('SELECT count() AS rows, sum(toFloat64(score)) AS score_sum FROM predictions_final')
      if (Number(row!.rows) >= events) return { rows: Number(row!.rows), scoreSum: row!.score_sum }
    }
  }
}
