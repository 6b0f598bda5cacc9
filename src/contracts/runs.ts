/** What backtests and replays leave in the warehouse, as the API takes and shows it. Times are epoch ms. */

/** A finished backtest in a line. */
export interface StoredBacktest {
  readonly id: string
  readonly stream: string
  readonly model: string
  readonly fingerprint: string
  /** Log time of what was scored; null is the beginning, or the end as it was at the start. */
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
 * `started`: rows are on their way and count nowhere; `applied`: they go before what was served; `undone`: they are
 * gone.
 */
export const replayStates = ['started', 'applied', 'undone'] as const
export type ReplayState = (typeof replayStates)[number]

/** A step of a replay into the live tables: who, when, why, what. */
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
  /** Of the block in the log of its run: a block that is given again is the same one. */
  readonly position: number
}

/** Takes results of runs into the warehouse. WAREHOUSE_DOWN, LOG_DOWN and DISK_FULL: call again. */
export interface RunResults {
  putBacktest(run: StoredBacktest): Promise<void>
  /**
   * One block of the predictions of a run, as its log holds it. BAD_REQUEST where it is none, or its replay was not
   * started.
   */
  addPredictions(place: RunPlace, block: Buffer): Promise<void>
  /** Records a step on the control topic, and takes it. BAD_REQUEST where the replay's state does not allow it. */
  decideReplay(decision: ReplayDecision): Promise<void>
  /** Newest first, each as its last step left it. */
  replays(): Promise<readonly ReplayDecision[]>
}
