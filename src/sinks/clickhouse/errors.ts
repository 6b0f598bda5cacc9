import { EngineError, isEngineError, messageOf } from '../../base/errors.js'

/**
 * Codes that say the statement is at fault, so that repeating it is useless. Everything else may pass.
 * Source of the names: https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
 */
const faultsOfTheStatement = new Set([
  'SYNTAX_ERROR', 'UNKNOWN_IDENTIFIER', 'UNKNOWN_TABLE', 'UNKNOWN_FUNCTION', 'UNKNOWN_TYPE', 'UNKNOWN_SETTING', 'UNKNOWN_DATABASE',
  'NO_SUCH_COLUMN_IN_TABLE', 'TYPE_MISMATCH', 'ILLEGAL_TYPE_OF_ARGUMENT', 'NUMBER_OF_ARGUMENTS_DOESNT_MATCH', 'BAD_ARGUMENTS',
  'CANNOT_PARSE_TEXT', 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'CANNOT_PARSE_DATETIME', 'CANNOT_PARSE_NUMBER', 'NO_COMMON_TYPE',
  'UNKNOWN_QUERY_PARAMETER', 'BAD_QUERY_PARAMETER', 'NOT_AN_AGGREGATE', 'ILLEGAL_AGGREGATION', 'AMBIGUOUS_IDENTIFIER', 'NOT_IMPLEMENTED',
  'SUPPORT_IS_DISABLED', 'UNKNOWN_IDENTIFIER_IN_QUERY', 'DUPLICATE_COLUMN', 'NUMBER_OF_COLUMNS_DOESNT_MATCH', 'THERE_IS_NO_COLUMN',
]) // prettier-ignore

/** The same of an insert's bytes. Elsewhere these may mean a damaged part or a cut connection between servers. */
const faultsOfTheRows = new Set([
  'INCORRECT_DATA', 'CANNOT_READ_ALL_DATA', 'CANNOT_CONVERT_TYPE', 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE', 'SIZES_OF_COLUMNS_DOESNT_MATCH',
  'INCORRECT_NUMBER_OF_COLUMNS', 'TOO_LARGE_STRING_SIZE', 'TOO_LARGE_ARRAY_SIZE', 'EMPTY_DATA_PASSED',
]) // prettier-ignore

/**
 * TOO_MANY_PARTS usually means that merges are behind, which passes; but the rows of one insert can be the reason, too.
 */
const spansTooMuch = /partitions for single INSERT block/i

/**
 * The server does not let us in. Fatal when the warehouse is opened; later a person is at the users, and it is waited
 * for.
 */
export const refusesUs: ReadonlySet<string> = new Set([
  'AUTHENTICATION_FAILED',
  'REQUIRED_PASSWORD',
  'WRONG_PASSWORD',
  'UNKNOWN_USER',
  'IP_ADDRESS_NOT_ALLOWED',
  'ACCESS_DENIED',
])

/** BAD_REQUEST where the statement or, of an insert, its rows are at fault; else WAREHOUSE_DOWN: wait and repeat. */
export function warehouseError(what: string, error: unknown, isInsert = false): EngineError {
  if (isEngineError(error)) return error
  const kind = kindOf(error)
  const said = saidBy(error)
  const hopeless =
    kind !== undefined &&
    (faultsOfTheStatement.has(kind) || (isInsert && (faultsOfTheRows.has(kind) || spansTooMuch.test(said))))
  return new EngineError(
    hopeless ? 'BAD_REQUEST' : 'WAREHOUSE_DOWN',
    `${what}: ${said}${kind === undefined ? '' : ` (${kind})`}`,
    { cause: error },
  )
}

/** The name of a ClickHouse error. The client and chDB bring a class of their own each, so no `instanceof`. */
export function kindOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // The client looks for the name in brackets, and a syntax error quotes the statement in some first.
  if ('code' in error && error.code === '62') return 'SYNTAX_ERROR'
  return 'type' in error && typeof error.type === 'string' ? error.type : undefined
}

/** The first line; a refused connection to a name with several addresses has no message, only a code. */
function saidBy(error: unknown): string {
  const firstLine = messageOf(error).split('\n', 1)[0]!.trim()
  if (firstLine !== '') return firstLine.slice(0, 500)
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'an empty answer'
}
