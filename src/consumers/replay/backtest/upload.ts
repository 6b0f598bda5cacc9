import type { Clock } from '../../../base/clock.js'
import { encodeBlock } from '../../../log/blocks/codec.js'
import type { Block } from '../../../log/blocks/block.js'
import type { LogView } from '../../../log/event-log.js'
import type { RunResults, StoredBacktest } from '../../../contracts/runs.js'
import type { BacktestReport, BacktestRun } from './directory.js'
import { readBlocks } from '../../ground/block-rows.js'

export interface UploadOptions {
  readonly of: 'backtest' | 'replay'
  readonly run: BacktestRun
  readonly own: LogView
  /** The stream's event and prediction topics. */
  readonly topics: { readonly events: string; readonly predictions: string }
  readonly results: RunResults
  /** Whether to send the vectors, too. */
  readonly vectors: boolean
  /** At most so many rows per second; Infinity does not wait. */
  readonly ratePerSecond: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onRows?: (rows: number) => void
}

/**
 * Sends the predictions of a run to `results`, block by block. Resolves with the number of rows; fewer when it was
 * aborted. Repeating it changes nothing.
 */
export async function uploadRun({
  of,
  run,
  own,
  topics,
  results,
  vectors,
  ratePerSecond,
  clock,
  signal,
  onRows,
}: UploadOptions): Promise<number> {
  const startedMs = clock.nowMs()
  let rows = 0
  for (const { partition, from, to } of run.spans) {
    for await (const { block } of readBlocks(own, { topic: topics.predictions, partition }, { from, to })) {
      if (signal.aborted) return rows
      const place = { of, id: run.id, stream: run.stream, topic: topics.events, partition, position: block.last }
      await results.addPredictions(place, encodeBlock(vectors ? block : withoutVectors(block)))
      rows += block.rows
      onRows?.(rows)
      await clock.sleep(Math.max(0, startedMs + (rows * 1_000) / ratePerSecond - clock.nowMs()), signal)
    }
  }
  return rows
}

const withoutVectors = (block: Block): Block => ({ ...block, width: 0, vectors: new Float32Array(0) })

/** A run as one row of the warehouse. */
export function storedBacktest({ run, figures }: BacktestReport): StoredBacktest {
  const { id, stream, model, fingerprint, fromMs, toMs, startedMs, finishedMs, records, replayMs } = run
  const { rows, labelled, positives, rocAuc, prAuc, calibration } = figures.run
  return {
    id,
    stream,
    model,
    fingerprint,
    fromMs,
    toMs,
    startedMs,
    finishedMs: finishedMs ?? startedMs,
    records,
    replayMs: Math.round(replayMs),
    rows,
    labelled,
    positives,
    rocAuc,
    prAuc,
    brier: calibration?.brier ?? null,
    servedRocAuc: figures.other.rocAuc,
  }
}
