import type { Dictionary } from './block.js'

/** Text as ClickHouse's Native format and our blocks hold it: length as a varint (LEB128), then UTF-8. */

/** An upper bound of the bytes of these strings: three bytes per UTF-16 unit, and a length for each string. */
export function textBound(texts: readonly string[]): number {
  let units = 0
  for (const text of texts) units += text.length
  return 3 * units + 5 * texts.length
}

/** Writes a whole number below 2^32 as LEB128 and returns the position after it. */
export function putVarint(into: Buffer, at: number, value: number): number {
  while (value >= 0x80) {
    into[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  into[at++] = value
  return at
}

/** Writes ASCII of up to 127 characters in a loop, which is several times faster than one native call per id. */
function putText(into: Buffer, at: number, text: string): number {
  const { length } = text
  if (length < 0x80) {
    into[at] = length
    let i = 0
    for (let code; i < length && (code = text.charCodeAt(i)) < 0x80; i++) into[at + 1 + i] = code
    if (i === length) return at + 1 + length
  }
  const start = putVarint(into, at, Buffer.byteLength(text))
  return start + into.write(text, start, 'utf8')
}

/** Writes the texts one after another and returns the position after them. */
export function putTexts(into: Buffer, at: number, texts: readonly string[]): number {
  for (const text of texts) at = putText(into, at, text)
  return at
}

/** The position of the next byte to read. */
export interface TextCursor {
  readonly bytes: Buffer
  at: number
}

function takeVarint(cursor: TextCursor): number {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = cursor.bytes[cursor.at++]
    if (byte === undefined || scale > 2 ** 28) throw new RangeError('a length runs past the end')
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value
  }
}

export function takeTexts(cursor: TextCursor, count: number): string[] {
  const texts = new Array<string>(count)
  for (let i = 0; i < count; i++) {
    const length = takeVarint(cursor)
    const end = cursor.at + length
    if (end > cursor.bytes.length) throw new RangeError('a text runs past the end')
    texts[i] = cursor.bytes.toString('utf8', cursor.at, end)
    cursor.at = end
  }
  return texts
}

/** The position after the first `count` texts. */
export function endOfTexts(bytes: Buffer, count: number): number {
  const cursor = { bytes, at: 0 }
  for (let i = 0; i < count; i++) {
    const length = takeVarint(cursor)
    cursor.at += length
  }
  return cursor.at
}

/** A list of texts, after its length as a varint. */
export const putList = (into: Buffer, at: number, texts: readonly string[]): number =>
  putTexts(into, putVarint(into, at, texts.length), texts)

export const takeList = (cursor: TextCursor): string[] => takeTexts(cursor, takeVarint(cursor))

export function dictionaryOf(texts: readonly string[]): Dictionary {
  const of = new Uint16Array(texts.length)
  const indexes = new Map<string, number>()
  let last: string | undefined
  let index = 0
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!
    if (text !== last) {
      index = indexes.get(text) ?? indexes.size
      indexes.set(text, index)
      last = text
    }
    of[i] = index
  }
  return { values: [...indexes.keys()], of }
}

export function textsOf({ values, of }: Dictionary): string[] {
  const texts = new Array<string>(of.length)
  for (let i = 0; i < of.length; i++) texts[i] = values[of[i]!] ?? ''
  return texts
}
