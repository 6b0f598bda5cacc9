import type { StoredOutcome } from './outcomes.js'
import type { RiskLevel } from './risks.js'
import type { Predicted } from './scoring.js'

/** One stored prediction with its latest outcome. */
export interface PredictionRow extends Omit<Predicted, 'score'> {
  /** 0..1; null in rows of older versions whose model answered no number. */
  readonly score: number | null
  readonly tenant: string
  readonly stream: string
  /** Position in the log of the event or, for `origin` api, of the prediction. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly origin: 'log' | 'api'
  /** Id of the stream's first entity, '' for none. */
  readonly entity: string
  readonly eventTimeMs: number
  readonly recordTimeMs: number
  readonly outcome: StoredOutcome | null
}

/** Absent members filter nothing; without `tenant` that is every tenant. */
export interface PredictionFilter {
  readonly tenant?: string
  readonly stream?: string
  readonly risk?: RiskLevel
  readonly entity?: string
  readonly version?: string
  /** Event time, from inclusive, to exclusive, epoch ms. */
  readonly fromMs?: number
  readonly toMs?: number
}

/** Served predictions in the warehouse, about a second behind the log. Both methods throw WAREHOUSE_DOWN. */
export interface PredictionQueries {
  /**
   * Newest event time first. `next` continues after the page and is absent on the last; BAD_REQUEST when `cursor` is
   * not one of these.
   */
  findPredictions(
    filter: PredictionFilter,
    cursor: string | undefined,
    limit: number,
  ): Promise<{ readonly rows: readonly PredictionRow[]; readonly next?: string }>
  /**
   * Every served prediction of the event id: of one tenant, or of all when `tenant` is absent; newest first, empty when
   * there is none.
   */
  predictionsOf(eventId: string, tenant: string | undefined): Promise<readonly PredictionRow[]>
}

export interface SelectedRows {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  /** The statement has more rows than the limit. */
  readonly more: boolean
}

/** Formats of an answer besides rows. */
export const answerFormats = ['CSV', 'TSV', 'JSONEachRow', 'Parquet'] as const
export type AnswerFormat = (typeof answerFormats)[number]

export interface WarehouseQueries extends PredictionQueries {
  /**
   * At most `limit` rows of a statement that a person wrote. BAD_REQUEST when the statement does not only read the
   * warehouse's own tables or takes too much; WAREHOUSE_DOWN.
   */
  select(sql: string, limit: number): Promise<SelectedRows>
  /** As `select`, but the whole answer as the bytes of a format. More rows than `limit` are BAD_REQUEST. */
  answer(sql: string, limit: number, format: AnswerFormat): Promise<Buffer>
}
