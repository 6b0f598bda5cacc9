/** Dead letters as the engine keeps them and the API and the command line show them. */

/** `new`: no operator has acted on it. `redriven`: its event was sent again. `purged`: an operator discarded it. */
export const deadLetterStates = ['new', 'redriven', 'purged'] as const
export type DeadLetterState = (typeof deadLetterStates)[number]

/** Absent members filter nothing; without `tenant` that is every tenant, and dead letters that name none. */
export interface DeadLetterFilter {
  readonly stream?: string
  readonly partition?: number
  readonly code?: string
  readonly stage?: string
  readonly tenant?: string
  readonly state?: DeadLetterState
  /** When it became a dead letter, from inclusive, to exclusive, epoch ms. */
  readonly fromMs?: number
  readonly toMs?: number
}

/** One dead letter without its bytes. `partition` and `offset` are those of the record in the stream's event topic. */
export interface DeadLetter {
  /** Position among the dead letters: stream/partition/position. */
  readonly id: string
  readonly stream: string
  readonly partition: number
  readonly offset: number
  /** When it became a dead letter. */
  readonly timeMs: number
  readonly code: string
  readonly stage: string
  readonly reason: string
  /** Build and plan that stored it as a dead letter. */
  readonly version: string
  /** How often its event had been redriven before. */
  readonly attempts: number
  /** The offset where its event first became a dead letter. */
  readonly origin: number
  /** Null where the tenant is not certain. */
  readonly tenant: string | null
  readonly event_id: string | null
  readonly bytes: number
  readonly state: DeadLetterState
}

/** What an event would become if it arrived now. */
export type Becomes =
  | { readonly becomes: 'scored' | 'late'; readonly score: number; readonly risk: string; readonly version: string }
  | { readonly becomes: 'duplicate' }
  | { readonly becomes: 'bad'; readonly code: string; readonly reason: string }

/** The bytes of a dead letter, decoded as far as possible. */
export interface DeadLetterBody {
  /** Bytes that are not UTF-8 are base64. */
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly headers: Readonly<Record<string, Bytes>>
  /** The value as an event of today's schema, or else as JSON; undefined where it is neither. */
  readonly decoded?: unknown
  readonly today: Becomes
}

export interface DeadLetterDetail extends DeadLetter, DeadLetterBody {}

export type Bytes = { readonly text: string } | { readonly base64: string }

/**
 * What became of one dead letter that was to be redriven; with `dryRun`, what would become of it. `elsewhere`: another
 * process is sending it.
 */
export type RedriveOutcome = Becomes | { readonly becomes: 'redriven' | 'elsewhere' }
export type Redriven = { readonly deadLetter: DeadLetter } & RedriveOutcome

export interface DeadLetterPage<Item> {
  readonly items: readonly Item[]
  /** The cursor of the next page; absent at the end. An empty page need not be the last. */
  readonly next?: string
}

export interface RedriveRequest {
  readonly filter: DeadLetterFilter & { readonly stream: string }
  readonly cursor?: string
  readonly limit: number
  /** Only reports what each event would become. */
  readonly dryRun: boolean
  /** Also sends events that are still bad; each becomes a dead letter again. */
  readonly evenBad: boolean
  /** Id of the key, for the record. */
  readonly by: string
}

export type PurgeRequest = Omit<RedriveRequest, 'evenBad'>

/**
 * The dead letters of every stream, read from the log. All methods throw LOG_DOWN, and BAD_REQUEST for a cursor that
 * they did not return or a stream that does not exist.
 */
export interface DeadLetters {
  /** Newest first in each partition, the partitions merged by time. */
  list(filter: DeadLetterFilter, cursor: string | undefined, limit: number): Promise<DeadLetterPage<DeadLetter>>
  /** Undefined where there is none at this position. */
  show(stream: string, partition: number, position: number): Promise<DeadLetterDetail | undefined>
  /**
   * Sends the events of new dead letters again, oldest first: same key, same partition, same bytes. Repeating it, or a
   * crash in between, sends none twice. An event that would still be bad is not sent. STORE_DOWN, REGISTRY_DOWN.
   */
  redrive(request: RedriveRequest): Promise<DeadLetterPage<Redriven>>
  /** Marks dead letters as purged; the topic's retention removes their bytes later. */
  purge(request: PurgeRequest): Promise<DeadLetterPage<DeadLetter>>
}
