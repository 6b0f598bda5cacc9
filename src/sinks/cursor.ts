import { EngineError } from '../base/errors.js'

/** The last row of a page. Rows are ordered by exactly these values, descending. */
export type Position = readonly [eventTimeMs: number, topic: string, partition: number, offset: number, item: number]

export const writeCursor = (position: Position): string => Buffer.from(JSON.stringify(position)).toString('base64url')

/** The position that a cursor contains. Throws BAD_REQUEST for any other text. */
export function readCursor(cursor: string): Position {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (isPosition(read)) return read
  } catch {
    // Any other text is refused below.
  }
  throw new EngineError('BAD_REQUEST', 'the cursor is not one that a page of predictions returned')
}

function isPosition(read: unknown): read is Position {
  if (!Array.isArray(read) || read.length !== 5) return false
  const [atMs, topic, ...rest] = read as unknown[]
  return (
    Number.isSafeInteger(atMs) &&
    typeof topic === 'string' &&
    rest.every((value) => Number.isSafeInteger(value) && (value as number) >= 0)
  )
}
