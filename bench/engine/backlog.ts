import { monotonicMs, systemClock } from '../../src/base/clock.js'
import { startEngine } from '../../src/compose/engine.js'
import { withLog } from '../../src/compose/tasks.js'
import { sumPredictions } from './predictions.js'
import { benchConfig, benchStream, type BenchPlace } from './setup.js'

export interface BacklogRun {
  /**
   * From the first durable block to the last row in ClickHouse, or to the last durable block where the engine fills
   * none.
   */
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
 * clock starts with the first durable block, whose events are not counted: what came before is start-up. An engine that
 * only scores stops the clock with the last block, and the scores are read back from the log.
 */
export async function runBacklog(where: BenchPlace, events: number): Promise<BacklogRun> {
  const config = benchConfig(where)
  const beganMs = monotonicMs()
  let firstMs = 0
  let lastMs = 0
  let first = 0
  let scored = 0
  const engine = await startEngine(config, {
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
    const inTables = await Promise.race([finished(), engine.failed])
    const doneMs = inTables === undefined ? lastMs : monotonicMs()
    const { user, system } = process.cpuUsage()
    const { rows, scoreSum } = inTables ?? (await inBlocks())
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

  /** What ClickHouse counts; undefined without one. */
  async function finished(): Promise<Sum | undefined> {
    const isStored = config.roles.includes('warehouse')
    for (;;) {
      await systemClock.sleep(10)
      if (scored < events || engine.snapshot().warehouseLagRecords > 0) continue
      if (!isStored) return undefined
      const [row] = await engine.query<{ rows: string | number; score_sum: number }>(
        'SELECT count() AS rows, sum(toFloat64(score)) AS score_sum FROM predictions_final',
      )
      if (Number(row!.rows) >= events) return { rows: Number(row!.rows), scoreSum: row!.score_sum }
    }
  }

  async function inBlocks(): Promise<Sum> {
    const stream = await benchStream()
    return withLog(config, [stream], (log) => sumPredictions(log, stream, events))
  }
}

type Sum = Pick<BacklogRun, 'rows' | 'scoreSum'>
