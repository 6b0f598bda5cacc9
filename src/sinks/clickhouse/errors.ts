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

/** Codes of errors that an insert's rows cause. In a query they may mean a damaged part or a lost connection. */
// prettier-ignore
const faultsOfTheRows = new Set([
  'INCORRECT_DATA', 'CANNOT_READ_ALL_DATA', 'CANNOT_CONVERT_TYPE', 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE',
  'SIZES_OF_COLUMNS_DOESNT_MATCH', 'INCORRECT_NUMBER_OF_COLUMNS', 'TOO_LARGE_STRING_SIZE', 'TOO_LARGE_ARRAY_SIZE',
  'EMPTY_DATA_PASSED',
])

/**
 * TOO_MANY_PARTS usually means that merges are behind, which is temporary. With this text, the rows of one insert cause
 * it.
 */
const spansTooMuch = /partitions for single INSERT block/i

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

/** BAD_REQUEST when the statement or an insert's rows cause the error; otherwise WAREHOUSE_DOWN: wait and retry. */
export function warehouseError(what: string, error: unknown, isInsert = false): EngineError {
  if (isEngineError(error)) return error
  const kind = kindOf(error)
  const message = firstLineOf(error)
  const permanent =
    kind !== undefined &&
    (faultsOfTheStatement.has(kind) || (isInsert && (faultsOfTheRows.has(kind) || spansTooMuch.test(message))))
  return new EngineError(
    permanent ? 'BAD_REQUEST' : 'WAREHOUSE_DOWN',
    `${what}: ${message}${kind === undefined ? '' : ` (${kind})`}`,
    { cause: error },
  )
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
