import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import { otherEncoding, withoutMark } from '../../base/utf8.js'
import { CommandFailed, exits } from './exit.js'
import type { Terminal } from './terminal.js'

export interface Line {
  /** From 1. */
  readonly number: number
  /** Without the line break. They are not decoded here: the engine refuses a line that is not UTF-8, and only that. */
  readonly bytes: Buffer
}

const lineFeed = 0x0a

/**
 * Lines of NDJSON without blank ones. Splits at line feeds only, because JSON text may contain the other line breaks of
 * Unicode. Throws CommandFailed for input that is UTF-16 or compressed.
 */
export async function* linesOf(input: Readable): AsyncGenerator<Line> {
  let number = 0
  let rest: Buffer[] = []
  for await (const part of begun(input)) {
    let from = 0
    for (let at = part.indexOf(lineFeed); at >= 0; at = part.indexOf(lineFeed, from)) {
      const line = lineOf(++number, [...rest, part.subarray(from, at)])
      if (line !== undefined) yield line
      rest = []
      from = at + 1
    }
    if (from < part.length) rest.push(part.subarray(from))
  }
  const line = lineOf(number + 1, rest)
  if (line !== undefined) yield line
}

/** The input without a byte order mark. */
async function* begun(input: Readable): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const part of input as AsyncIterable<Buffer | string>) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    if (isFirst) refuseEncoding(bytes)
    yield isFirst ? withoutMark(bytes) : bytes
    isFirst = false
  }
}

function refuseEncoding(bytes: Buffer): void {
  const other = otherEncoding(bytes)
  if (other !== undefined)
    throw new CommandFailed(
      exits.failed,
      `the input looks like ${other}, not like lines of JSON in UTF-8; ` +
        (other.startsWith('UTF-') ? "convert it, for example with 'iconv -t UTF-8'" : 'decompress it first'),
    )
}

function lineOf(number: number, parts: readonly Buffer[]): Line | undefined {
  const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  const bytes = whole.at(-1) === 0x0d ? whole.subarray(0, -1) : whole
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d) ? undefined : { number, bytes }
}

/** Opens a file, or standard input for '-'. Ctrl-C ends it with an AbortError, so that no command keeps waiting. */
export const inputOf = (
  path: string,
  { in: standardInput, interrupted }: Pick<Terminal, 'in' | 'interrupted'>,
): Readable =>
  addAbortSignal(interrupted, path === '-' ? standardInput : createReadStream(path, { highWaterMark: 1 << 18 }))

/** Groups lines up to the bounds; a single larger line is a group of its own. */
export async function* batchesOf(
  lines: AsyncIterable<Line>,
  bound: { readonly records: number; readonly bytes: number },
): AsyncGenerator<readonly Line[]> {
  let batch: Line[] = []
  let bytes = 0
  for await (const line of lines) {
    const size = line.bytes.length + 1
    if (batch.length > 0 && (batch.length === bound.records || bytes + size > bound.bytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(line)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
