import { EngineError, isEngineError, messageOf } from '../errors.js'

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

/** BAD_REQUEST where the statement is at fault, else WAREHOUSE_DOWN: wait and repeat. */
export function warehouseError(what: string, error: unknown): EngineError {
  if (isEngineError(error)) return error
  const kind = kindOf(error)
  const firstLine = messageOf(error).split('\n', 1)[0]!
  const message = `${what}: ${firstLine.slice(0, 500)}${kind === undefined ? '' : ` (${kind})`}`
  return new EngineError(kind !== undefined && faultsOfTheStatement.has(kind) ? 'BAD_REQUEST' : 'WAREHOUSE_DOWN', message, { cause: error })
}

/** The name of a ClickHouse error. The client and chDB bring a class of their own each, so no `instanceof`. */
const kindOf = (error: unknown): string | undefined => (error instanceof Error && 'type' in error && typeof error.type === 'string' ? error.type : undefined)
