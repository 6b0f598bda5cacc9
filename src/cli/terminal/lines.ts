import { createReadStream } from 'node:fs'
import { addAbortSignal, type Readable } from 'node:stream'
import type { Terminal } from './terminal.js'

export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
}

/**
 * Lines of NDJSON without blank ones. Splits at line feeds only, because JSON text may contain the other line breaks of
 * Unicode.
 */
export async function* linesOf(input: Readable): AsyncGenerator<Line> {
  const decoder = new TextDecoder()
  let number = 0
  let rest = ''
  for await (const bytes of input as AsyncIterable<Buffer | string>) {
    const parts = (rest + (typeof bytes === 'string' ? bytes : decoder.decode(bytes, { stream: true }))).split('\n')
    rest = parts.pop()!
    for (const text of parts) {
      number += 1
      if (text.trim() !== '') yield { number, text: text.endsWith('\r') ? text.slice(0, -1) : text }
    }
  }
  if (rest.trim() !== '') yield { number: number + 1, text: rest }
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
    const size = Buffer.byteLength(line.text) + 1
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
