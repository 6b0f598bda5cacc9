/** What backtests and replays store in the warehouse, as the API takes and shows it. Times are epoch ms. */

/** Summary of a finished backtest. */
export interface StoredBacktest {
  readonly id: string
  readonly stream: string
  readonly model: string
  readonly fingerprint: string
  /** Log time of the scored records; null is the beginning of the log, or its end when the backtest started. */
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly startedMs: number
  readonly finishedMs: number
  readonly records: number
  readonly replayMs: number
  readonly rows: number
  readonly labelled: number
  readonly positives: number
  readonly rocAuc: number | null
  readonly prAuc: number | null
  readonly brier: number | null
  readonly servedRocAuc: number | null
}

/**
 * `started`: rows are being stored, and no view shows them yet. `applied`: the views show them before the served
 * rows. `undone`: the rows are removed.
 */
export const replayStates = ['started', 'applied', 'undone'] as const
export type ReplayState = (typeof replayStates)[number]

/** One step of a replay into the live tables: who decided it, when, why and what. */
export interface ReplayDecision {
  readonly id: string
  readonly state: ReplayState
  readonly stream: string
  readonly model: string
  readonly fromMs: number | null
  readonly toMs: number | null
  readonly rows: number
  readonly by: string
  readonly why: string
  readonly atMs: number
}

/** Where the rows of a block belong. */
export interface RunPlace {
  readonly of: 'backtest' | 'replay'
  readonly id: string
  readonly stream: string
  /** Of the events. */
  readonly topic: string
  readonly partition: number
  /** Of the block in the log of its run. A block that is sent again has the same position. */
  readonly position: number
}

/** Takes results of runs into the warehouse. WAREHOUSE_DOWN, LOG_DOWN and DISK_FULL: call again. */
export interface RunResults {
  putBacktest(run: StoredBacktest): Promise<void>
  /**
   * Stores one block of the predictions of a run, as its log holds it. BAD_REQUEST when it is not a block, or when its
   * replay was not started.
   */
  addPredictions(place: RunPlace, block: Buffer): Promise<void>
  /** Records a step on the control topic and applies it. BAD_REQUEST where the replay's state does not allow it. */
  decideReplay(decision: ReplayDecision): Promise<void>
  /** Newest first, each with its last step. */
  replays(): Promise<readonly ReplayDecision[]>
}
