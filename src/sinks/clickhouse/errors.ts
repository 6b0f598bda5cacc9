import { EngineError, isEngineError, messageOf } from '../../base/errors.js'

/**
 * Codes of errors that the statement causes, so that a retry is useless. All other errors may be temporary.
 * Source of the names: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
 */
// prettier-ignore
const faultsOfTheStatement = new Set([
  'SYNTAX_ERROR', 'UNKNOWN_IDENTIFIER', 'UNKNOWN_TABLE', 'UNKNOWN_FUNCTION', 'UNKNOWN_TYPE', 'UNKNOWN_SETTING',
  'UNKNOWN_DATABASE', 'NO_SUCH_COLUMN_IN_TABLE', 'TYPE_MISMATCH', 'ILLEGAL_TYPE_OF_ARGUMENT',
  'NUMBER_OF_ARGUMENTS_DOESNT_MATCH', 'BAD_ARGUMENTS', 'CANNOT_PARSE_TEXT', 'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
  'CANNOT_PARSE_DATETIME', 'CANNOT_PARSE_NUMBER', 'NO_COMMON_TYPE', 'UNKNOWN_QUERY_PARAMETER', 'BAD_QUERY_PARAMETER',
  'NOT_AN_AGGREGATE', 'ILLEGAL_AGGREGATION', 'AMBIGUOUS_IDENTIFIER', 'NOT_IMPLEMENTED', 'SUPPORT_IS_DISABLED',
  'UNKNOWN_IDENTIFIER_IN_QUERY', 'DUPLICATE_COLUMN', 'NUMBER_OF_COLUMNS_DOESNT_MATCH', 'THERE_IS_NO_COLUMN',
])

/** Codes of errors that an insert's rows cause: fewer rows at once show which. */
// prettier-ignore
const faultsOfTheRows = new Set([
  'INCORRECT_DATA', 'CANNOT_READ_ALL_DATA', 'CANNOT_CONVERT_TYPE', 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
  'SIZES_OF_COLUMNS_DOESNT_MATCH', 'INCORRECT_NUMBER_OF_COLUMNS', 'TOO_LARGE_STRING_SIZE', 'TOO_LARGE_ARRAY_SIZE',
  'EMPTY_DATA_PASSED', 'TYPE_MISMATCH', 'CANNOT_PARSE_TEXT', 'CANNOT_PARSE_INPUT_ASSERTION_FAILED',
  'CANNOT_PARSE_DATETIME', 'CANNOT_PARSE_NUMBER', 'BAD_ARGUMENTS', 'VIOLATED_CONSTRAINT', 'ARGUMENT_OUT_OF_BOUND',
  'DECIMAL_OVERFLOW', 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN', 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO',
  'LIMIT_EXCEEDED', 'TOO_LARGE_SIZE_COMPRESSED',
])

/** Codes of an insert that a lost connection, or a server that stops or loses its own servers, causes. */
// prettier-ignore
const faultsOfTheConnection = new Set([
  'NETWORK_ERROR', 'SOCKET_TIMEOUT', 'DNS_ERROR', 'ATTEMPT_TO_READ_AFTER_EOF', 'CANNOT_READ_FROM_SOCKET',
  'CANNOT_WRITE_TO_SOCKET', 'ALL_CONNECTION_TRIES_FAILED', 'QUERY_WAS_CANCELLED', 'QUERY_WAS_CANCELLED_BY_CLIENT',
  'ABORTED', 'KEEPER_EXCEPTION', 'UNKNOWN_STATUS_OF_INSERT', 'SERVER_OVERLOADED', 'TIMEOUT_EXCEEDED',
])

/**
 * Codes of a server that refuses the login. They are fatal when the warehouse is opened. Later they are retried,
 * because an administrator may be changing the users.
 */
export const loginErrors: ReadonlySet<string> = new Set([
  'AUTHENTICATION_FAILED',
  'REQUIRED_PASSWORD',
  'WRONG_PASSWORD',
  'UNKNOWN_USER',
  'IP_ADDRESS_NOT_ALLOWED',
  'ACCESS_DENIED',
])

/**
 * The error of a statement: BAD_REQUEST when the statement causes it, otherwise WAREHOUSE_DOWN: wait and retry. The
 * error of an insert: ROWS_REFUSED when its rows cause it, WAREHOUSE_REFUSED for any other answer of ClickHouse, and
 * WAREHOUSE_DOWN when there is none.
 */
export function warehouseError(what: string, error: unknown, isInsert = false): EngineError {
  if (isEngineError(error)) return error
  const kind = kindOf(error)
  const message = firstLineOf(error)
  return new EngineError(
    isInsert
      ? insertCode(kind)
      : kind !== undefined && faultsOfTheStatement.has(kind)
        ? 'BAD_REQUEST'
        : 'WAREHOUSE_DOWN',
    `${what}: ${message}${kind === undefined ? '' : ` (${kind})`}`,
    { cause: error },
  )
}

function insertCode(kind: string | undefined): 'ROWS_REFUSED' | 'WAREHOUSE_REFUSED' | 'WAREHOUSE_DOWN' {
  if (kind === undefined || faultsOfTheConnection.has(kind) || loginErrors.has(kind)) return 'WAREHOUSE_DOWN'
  return faultsOfTheRows.has(kind) ? 'ROWS_REFUSED' : 'WAREHOUSE_REFUSED'
}

/** The name of a ClickHouse error. The client and chDB have separate classes, so `instanceof` does not work. */
export function kindOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // The client reads the name from brackets, and a syntax error quotes the statement in brackets first.
  if ('code' in error && error.code === '62') return 'SYNTAX_ERROR'
  return 'type' in error && typeof error.type === 'string' ? error.type : undefined
}

/** The first line of the message, or the code: a refused connection to a name with several addresses has no message. */
function firstLineOf(error: unknown): string {
  const firstLine = messageOf(error).split('\n', 1)[0]!.trim()
  if (firstLine !== '') return firstLine.slice(0, 500)
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'an empty answer'
}
