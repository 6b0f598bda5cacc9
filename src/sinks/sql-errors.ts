import { EngineError, isEngineError } from '../base/errors.js'
import { limits } from '../base/limits.js'

const takesTooMuch = new Set([
  'TIMEOUT_EXCEEDED',
  'TOO_SLOW',
  'MEMORY_LIMIT_EXCEEDED',
  'TOO_MANY_ROWS_OR_BYTES',
  'TOO_MANY_BYTES',
  'TOO_MANY_ROWS',
])

/**
 * The error of a statement that a person typed, with the place in the text as it was typed. A too expensive query is
 * BAD_REQUEST: its author must change it, and a retry does not help.
 */
export function statementError(error: unknown, sql: string): unknown {
  if (!isEngineError(error)) return error
  const { cause } = error
  const kind = cause instanceof Error && 'type' in cause ? String(cause.type) : ''
  if (takesTooMuch.has(kind))
    return new EngineError(
      'BAD_REQUEST',
      `the query takes more than ${limits.warehouseQueryTimeSeconds} s, gives more rows than are allowed, or takes ` +
        `too much memory (${kind}): restrict it by tenant, stream or written_at, or add a LIMIT`,
      { cause: error },
    )
  if (error.code !== 'BAD_REQUEST') return error
  const located = locatedSyntax(error.message, sql) ?? locatedName(error.message, sql)
  return located === undefined ? error : new EngineError('BAD_REQUEST', located, { cause: error })
}

/** ClickHouse counts bytes from 1. Its words after `In scope` quote a statement that the person did not type. */
function locatedSyntax(message: string, sql: string): string | undefined {
  const found = /failed at position (\d+) \(([\s\S]*?)\)(?: \(line \d+, col \d+\))?: ([\s\S]*)$/.exec(message)
  if (found === null) return undefined
  const [, position, token, rest] = found
  const before = Buffer.from(sql)
    .subarray(0, Number(position) - 1)
    .toString()
  const expected = /(Expected one of: [\s\S]*?|Unmatched parentheses: \S+)(?:: In scope|$)/.exec(rest!)?.[1]
  const why = message.includes('string is not closed') ? 'a quoted text is not closed' : `syntax error at '${token}'`
  return `${placeAfter(before)}: ${why}${expected === undefined ? '' : `. ${expected.slice(0, 300)}`}`
}

/** A name that ClickHouse does not know stands in the text; the first place of it is told. */
function locatedName(message: string, sql: string): string | undefined {
  const unknown = /(?:identifier|[Ff]unction with name) [`'"]([^`'"]+)[`'"]/.exec(message)?.[1]
  if (unknown === undefined) return undefined
  const at = sql.indexOf(unknown)
  return at < 0 ? undefined : `${placeAfter(sql.slice(0, at))}: ${withoutOurs(message)}`
}

/** Without the engine's address, and without the settings that this module appended to the statement. */
const withoutOurs = (message: string): string =>
  message
    .replace(/^query(?: at \S+)?: /, '')
    .replace(/(?: FORMAT \w+)? SETTINGS (?:limit|max_result_rows) = .*?(?=\. Maybe you meant| \([A-Z_]+\)$|$)/, '')

function placeAfter(before: string): string {
  const lines = before.split('\n')
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`
}
