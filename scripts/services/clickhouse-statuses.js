// What ClickHouse's HTTP interface does with parameters of the URL and with errors: the tables of clickhouse-front.js.

/** @param {string[]} patterns Alternatives for the whole text. */
const anyOf = (patterns) => new RegExp(`^(${patterns.join('|')})$`)

/** Parameters of the URL that are no settings. */
export const notSettings = new Set([
  'query',
  'database',
  'user',
  'password',
  'query_id',
  'session_id',
  'role',
  'default_format',
  'quota_key',
  'stacktrace',
  'compress',
  'decompress',
])

/** Settings that the HTTP interface handles itself; chDB has none of them. */
export const ofTheInterface = anyOf([
  'wait_end_of_query',
  'buffer_size',
  'send_progress_in_http_headers',
  'enable_http_compression',
  'http_.*',
  'cancel_http_readonly_queries_on_client_close',
])

const forbidden = anyOf(['AUTHENTICATION_FAILED', 'UNKNOWN_USER', 'WRONG_PASSWORD', 'ACCESS_DENIED'])
const notFound = /^UNKNOWN_(TABLE|FUNCTION|IDENTIFIER|TYPE|STORAGE|DATABASE|SETTING|FORMAT)$/
const badRequest = anyOf([
  'SYNTAX_ERROR',
  'BAD_ARGUMENTS',
  'TYPE_MISMATCH',
  'UNKNOWN_QUERY_PARAMETER',
  'BAD_QUERY_PARAMETER',
  'CANNOT_PARSE_.*',
  'INCORRECT_.*',
  'ILLEGAL_.*',
])

/** The HTTP status of an exception. Source: `exceptionCodeToHTTPStatus` of the server. @param {string} type */
export function statusOf(type) {
  if (type === 'REQUIRED_PASSWORD') return 401
  if (forbidden.test(type)) return 403
  if (notFound.test(type)) return 404
  if (badRequest.test(type)) return 400
  return { NOT_IMPLEMENTED: 501, TIMEOUT_EXCEEDED: 408, CANNOT_SCHEDULE_TASK: 503, SOCKET_TIMEOUT: 503 }[type] ?? 500
}
