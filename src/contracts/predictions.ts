/** Stored predictions as the warehouse gives them and the API shows them. */

/** One stored prediction with its latest outcome. */
export interface PredictionRow {
  readonly event_id: string
  readonly tenant: string
  readonly stream: string
  /** Where the event (or, for `origin` api, the prediction) stands in the log. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly origin: 'log' | 'api'
  /** Id of the stream's first entity, '' for none. */
  readonly entity: string
  readonly eventTimeMs: number
  readonly recordTimeMs: number
  readonly score: number
  readonly risk: Risk
  readonly version: string
  readonly served_by: 'model' | 'heuristic'
  readonly why: 'no-model' | 'model-error' | 'timeout' | null
  readonly reasons: readonly string[]
  readonly late: boolean
  readonly outcome: StoredOutcome | null
}

export interface StoredOutcome {
  readonly label: 0 | 1
  readonly source: string
  readonly decidedAtMs: number
}

/** Absent members filter nothing; without `tenant` that is every tenant. */
export interface PredictionFilter {
  readonly tenant?: string
  readonly stream?: string
  readonly risk?: Risk
  readonly entity?: string
  readonly version?: string
  /** Event time, from inclusive, to exclusive, epoch ms. */
  readonly fromMs?: number
  readonly toMs?: number
}

export type Risk = 'low' | 'medium' | 'high'
