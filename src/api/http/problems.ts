/** The answers to requests that fail: RFC 9457 problem details. */
import { isEngineError, type ErrorCode } from '../../base/errors.js'

export const problemType = 'application/problem+json'

/** One mistake in the request: its place, as a JSON path (`outcomes/3/label`), and a description. */
export interface FieldError {
  readonly field: string
  readonly message: string
}

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** Id of this request; the engine's log contains the same id. */
  readonly instance: string
  readonly code: ProblemCode
  readonly errors?: readonly FieldError[]
  /** One per event, when a whole batch was refused. */
  readonly results?: readonly object[]
}

interface Kind {
  readonly status: number
  readonly title: string
  /** Replaces the message of an error whose text is only for the operator's log. */
  readonly detail?: string
  readonly retryAfterS?: number
}

const retry = 'The engine acknowledged nothing. Repeat the request after the time in Retry-After.'
const person = 'The engine has stopped and needs its operator; its log contains the reason.'

const ownKinds = {
  BAD_QUERY: { status: 400, title: 'A parameter is not valid' },
  UNAUTHENTICATED: { status: 401, title: 'No valid key' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  UNSUPPORTED_TYPE: { status: 415, title: 'Content type not supported' },
  BAD_BATCH: { status: 422, title: 'The engine took no event of the batch' },
  OVERLOADED: { status: 503, title: 'Too much in flight', retryAfterS: 1 },
  CLOSING: { status: 503, title: 'Shutting down', retryAfterS: 5 },
  INTERNAL: {
    status: 500,
    title: 'Internal error',
    detail: 'The log contains the details under the id in `instance`.',
  },
} as const satisfies Record<string, Kind>

export type ProblemCode = ErrorCode | keyof typeof ownKinds

const engineKinds = {
  BAD_JSON: { status: 400, title: 'Not valid JSON' },
  BAD_AVRO: { status: 400, title: 'Not valid Avro' },
  BAD_REQUEST: { status: 400, title: 'Bad request' },
  UNKNOWN_STREAM: { status: 404, title: 'Unknown stream' },
  UNKNOWN_ENTITY: { status: 404, title: 'Unknown entity' },
  UNKNOWN_MODEL: { status: 404, title: 'Unknown model' },
  TOO_LARGE: { status: 413, title: 'Too large' },
  UNACCEPTED_FORMAT: { status: 422, title: 'The topic does not accept this format' },
  UNKNOWN_SCHEMA: { status: 422, title: 'Unknown schema' },
  SCHEMA_MISMATCH: { status: 422, title: "The writer's schema does not fit the stream's" },
  BAD_FIELD: { status: 422, title: 'A field is not valid' },
  TIME_OUT_OF_RANGE: { status: 422, title: 'The event time is out of range' },
  UNKNOWN_TENANT: { status: 422, title: 'Unknown tenant' },
  RECORD_FAULT: { status: 422, title: 'The engine cannot process the event' },

  STORE_DOWN: { status: 503, title: 'The state store is unreachable', detail: retry, retryAfterS: 5 },
  WAREHOUSE_DOWN: {
    status: 503,
    title: 'The warehouse is unreachable',
    detail: 'Scoring continues; stored predictions cannot be read now.',
    retryAfterS: 5,
  },
  LOG_DOWN: { status: 503, title: 'The event log is unreachable', detail: retry, retryAfterS: 5 },
  REGISTRY_DOWN: { status: 503, title: 'The schema registry is unreachable', detail: retry, retryAfterS: 5 },
  REBUILDING: { status: 503, title: 'The state is being rebuilt', detail: retry, retryAfterS: 5 },
  DISK_FULL: { status: 507, title: 'The disk is full', detail: retry, retryAfterS: 60 },
  FENCED: { status: 503, title: 'The partition is moving to another process', detail: retry, retryAfterS: 1 },
  CONFLICT: { status: 503, title: 'The partition is moving to another process', detail: retry, retryAfterS: 1 },

  ROWS_REFUSED: { status: 500, title: 'The warehouse refuses rows' },
  WAREHOUSE_REFUSED: { status: 503, title: 'The warehouse refuses inserts', retryAfterS: 60 },
  BAD_SHARE: { status: 500, title: 'Too many records are bad', detail: person },
  GAP: { status: 500, title: 'The log has a gap', detail: person },
  LOG_RESET: { status: 500, title: 'The log was reset', detail: person },
  LOG_DAMAGED: { status: 500, title: 'The log is damaged', detail: person },
  MODEL_MISMATCH: { status: 500, title: 'The model does not fit the stream', detail: person },
  UNKNOWN_DECISION: { status: 503, title: 'A newer build decided who serves', detail: person },
  MODEL_DAMAGED: { status: 500, title: 'The model file is damaged', detail: person },
  MODEL_REFUSED: { status: 500, title: 'The model gives no scores', detail: person },
  TOPIC_MISMATCH: { status: 500, title: "A topic's partitions do not match its stream", detail: person },
  STATE_MISMATCH: { status: 500, title: 'The state does not fit the stream', detail: person },
  BAD_CONFIG: { status: 500, title: 'The configuration is not valid', detail: person },
  BAD_STREAM: { status: 500, title: 'The stream is not valid', detail: person },
  LOCKED: { status: 500, title: 'Locked by another process', detail: person },
} as const satisfies Record<ErrorCode, Kind>

const kinds: Readonly<Record<ProblemCode, Kind>> = { ...engineKinds, ...ownKinds }

/** Every code that an answer can contain, for the reference pages. */
export const problemCodes: readonly { readonly code: string; readonly status: number; readonly title: string }[] =
  Object.entries(kinds)
    .map(([code, { status, title }]) => ({ code, status, title }))
    .sort((a, b) => a.status - b.status || (a.code < b.code ? -1 : 1))

interface More {
  readonly errors?: readonly FieldError[]
  readonly results?: readonly object[]
  /** Replaces the code's own status. */
  readonly status?: number
}

/** Thrown by a route to answer with a problem. The message is the problem's detail. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  constructor(
    readonly code: ProblemCode,
    message: string,
    readonly more: More = {},
  ) {
    super(message)
  }
}

export const statusOf = (code: ProblemCode): number => kinds[code].status

/** Seconds until a retry makes sense; undefined when no retry does. */
export const retryAfterS = (code: ProblemCode): number | undefined => kinds[code].retryAfterS

export function problem(requestId: string, code: ProblemCode, message: string, more: More = {}): Problem {
  const kind = kinds[code]
  return {
    type: `urn:tidemill:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: kind.title,
    status: more.status ?? kind.status,
    detail: kind.detail ?? message,
    instance: `urn:tidemill:request:${requestId}`,
    code,
    ...(more.errors && { errors: more.errors }),
    ...(more.results && { results: more.results }),
  }
}

/** Codes of Fastify's own refusals; any other error with status 4xx becomes BAD_REQUEST. */
const fastifyCodes: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'BAD_JSON',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'BAD_JSON',
}

/** Converts a thrown error to a problem. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (error instanceof Refusal) return problem(requestId, error.code, error.message, error.more)
  if (isEngineError(error)) return problem(requestId, error.code, error.message)
  if (!(error instanceof Error)) return problem(requestId, 'INTERNAL', '')
  const { code, statusCode } = error as Error & { code?: unknown; statusCode?: unknown }
  const known = typeof code === 'string' ? fastifyCodes[code] : undefined
  if (known) return problem(requestId, known, error.message)
  const refused = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500
  return problem(requestId, refused ? 'BAD_REQUEST' : 'INTERNAL', error.message)
}
