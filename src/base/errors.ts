import { shown } from './shown.js'

/**
 * What the code that catches an error must do. `dead-letter`: the record is bad; store it as a dead letter and
 * continue. `retry`: a dependency is unreachable; wait and try again. `release`: another owner has the partition; stop
 * working on it, without an alert. `stop`: stop until a person acts. `refuse`: the request cannot be met; tell the
 * caller why.
 */
export type Disposition = 'dead-letter' | 'retry' | 'release' | 'stop' | 'refuse'

const dispositions = {
  BAD_JSON: 'dead-letter',
  BAD_AVRO: 'dead-letter',
  UNKNOWN_SCHEMA: 'dead-letter',
  SCHEMA_MISMATCH: 'dead-letter',
  UNACCEPTED_FORMAT: 'dead-letter',
  BAD_FIELD: 'dead-letter',
  TOO_LARGE: 'dead-letter',
  TIME_OUT_OF_RANGE: 'dead-letter',
  UNKNOWN_TENANT: 'dead-letter',
  RECORD_FAULT: 'dead-letter',

  STORE_DOWN: 'retry',
  WAREHOUSE_DOWN: 'retry',
  LOG_DOWN: 'retry',
  REGISTRY_DOWN: 'retry',
  REBUILDING: 'retry',
  DISK_FULL: 'retry',

  FENCED: 'release',
  CONFLICT: 'release',

  BAD_SHARE: 'stop',
  ROWS_REFUSED: 'stop',
  WAREHOUSE_REFUSED: 'stop',
  GAP: 'stop',
  LOG_RESET: 'stop',
  LOG_DAMAGED: 'stop',
  MODEL_MISMATCH: 'stop',
  MODEL_DAMAGED: 'stop',
  MODEL_REFUSED: 'stop',
  UNKNOWN_DECISION: 'stop',
  TOPIC_MISMATCH: 'stop',
  STATE_MISMATCH: 'stop',
  BAD_CONFIG: 'stop',
  BAD_STREAM: 'stop',
  LOCKED: 'stop',

  UNKNOWN_STREAM: 'refuse',
  UNKNOWN_ENTITY: 'refuse',
  UNKNOWN_MODEL: 'refuse',
  BAD_REQUEST: 'refuse',
} as const satisfies Record<string, Disposition>

export type ErrorCode = keyof typeof dispositions

/** Offsets of one partition that are missing or in doubt, from `from` to `to`, both included. */
export interface LostOffsets {
  readonly topic: string
  readonly from: number
  readonly to: number
}

/** A failure with a closed code. The message says what, where and what to do. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  /** The column or setting that is wrong, if there is one. */
  readonly field: string | undefined
  /** For a stop that a person may accept: the offsets that are given up when work resumes. */
  readonly lost: LostOffsets | undefined
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: ErrorOptions & { readonly field?: string; readonly lost?: LostOffsets },
  ) {
    super(message, options)
    this.field = options?.field
    this.lost = options?.lost
  }
  get disposition(): Disposition {
    return dispositions[this.code]
  }
}

export const isEngineError = (error: unknown, code?: ErrorCode): error is EngineError =>
  error instanceof EngineError && (code === undefined || error.code === code)

/** Every code with this disposition. */
export const codesOf = (disposition: Disposition): readonly ErrorCode[] =>
  (Object.keys(dispositions) as ErrorCode[]).filter((code) => dispositions[code] === disposition)

/** The system's name of a failure (`ENOSPC`), if it has one. */
export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** The promise's value, or undefined when it fails with one of these system errors (such as `ENOENT`). */
export const unless = <Value>(errnos: readonly string[], promise: Promise<Value>): Promise<Value | undefined> =>
  promise.catch((error: unknown) => {
    if (errnos.includes(errnoOf(error) ?? '')) return undefined
    throw error
  })

/** The message of anything that was thrown. Never throws itself. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof Error && typeof error.message === 'string') return error.message
  } catch {
    // The message is code of a user's that throws.
  }
  return typeof error === 'string' ? error : shown(error)
}
