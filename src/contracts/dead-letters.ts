/** Dead letters as the engine keeps them and the API and the command line show them. */

/** `new`: nobody has acted on it. `redriven`: its event was sent in again. `purged`: it is of no use to anybody. */
export const deadLetterStates = ['new', 'redriven', 'purged'] as const
export type DeadLetterState = (typeof deadLetterStates)[number]

/** Absent members filter nothing; without `tenant` that is every tenant, and letters that name none. */
export interface DeadLetterFilter {
  readonly stream?: string
  readonly partition?: number
  readonly code?: string
  readonly stage?: string
  readonly tenant?: string
  readonly state?: DeadLetterState
  /** Log time of the record, from inclusive, to exclusive, epoch ms. */
  readonly fromMs?: number
  readonly toMs?: number
}

/** One letter without its bytes. Its partition and offset are those that the record had in the stream's event topic. */
export interface DeadLetter {
  /** Where it stands among the dead letters: stream/partition/position. */
  readonly id: string
  readonly stream: string
  readonly partition: number
  readonly offset: number
  readonly timeMs: number
  readonly code: string
  readonly stage: string
  readonly reason: string
  /** Build and plan that set it aside. */
  readonly version: string
  /** How often its event had been redriven before. */
  readonly attempts: number
  /** The offset where its event first became a letter. */
  readonly origin: number
  /** Null where it cannot be known for sure. */
  readonly tenant: string | null
  readonly event_id: string | null
  readonly bytes: number
  readonly state: DeadLetterState
}

/** What an event would become if it came now. */
export type Becomes =
  | { readonly becomes: 'scored' | 'late'; readonly score: number; readonly risk: string; readonly version: string }
  | { readonly becomes: 'duplicate' }
  | { readonly becomes: 'bad'; readonly code: string; readonly reason: string }

/** A letter with all that can be made of its bytes. */
export interface DeadLetterDetail extends DeadLetter {
  /** Bytes that are no UTF-8 are base64. */
  readonly key: Bytes | null
  readonly value: Bytes | null
  readonly headers: Readonly<Record<string, Bytes>>
  /** The event that today's schema makes of the value, or what JSON it holds; undefined where it is neither. */
  readonly decoded?: unknown
  readonly today: Becomes
}

export type Bytes = { readonly text: string } | { readonly base64: string }

/**
 * What came of one letter that was asked to be redriven, or would come of it. `elsewhere`: another process is sending
 * it.
 */
export type Redriven = { readonly letter: DeadLetter } & (Becomes | { readonly becomes: 'redriven' | 'elsewhere' })

export interface DeadLetterPage<Item> {
  readonly items: readonly Item[]
  /** Give it to go on; absent at the end. A page may be empty and yet not the last. */
  readonly next?: string
}

export interface RedriveRequest {
  readonly filter: DeadLetterFilter & { readonly stream: string }
  readonly cursor?: string
  readonly limit: number
  /** Only says what each event would become. */
  readonly dryRun: boolean
  /** Also sends what is still bad, which then becomes a letter again. */
  readonly evenBad: boolean
  /** Id of the key, for the record. */
  readonly by: string
}

export type PurgeRequest = Omit<RedriveRequest, 'evenBad'>

/**
 * The dead letters of every stream, read from the log. All members throw LOG_DOWN, and BAD_REQUEST for a cursor that
 * is not theirs or a stream that is not there.
 */
export interface DeadLetters {
  /** Newest first in each partition, the partitions merged by time. */
  list(filter: DeadLetterFilter, cursor: string | undefined, limit: number): Promise<DeadLetterPage<DeadLetter>>
  /** Undefined where there is none at this place. */
  show(stream: string, partition: number, position: number): Promise<DeadLetterDetail | undefined>
  /**
   * Sends the events of new letters in again, oldest first: same key, same partition, same bytes. Repeating it, or a
   * crash in between, sends none twice. What would still be bad stays where it is. STORE_DOWN, REGISTRY_DOWN.
   */
  redrive(request: RedriveRequest): Promise<DeadLetterPage<Redriven>>
  /** Marks letters as of no use; their bytes go with the topic's retention. */
  purge(request: PurgeRequest): Promise<DeadLetterPage<DeadLetter>>
}
