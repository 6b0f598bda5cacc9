import { isUtf8 } from 'node:buffer'

/** The text of bytes that are UTF-8. Undefined for others: their replacement characters would join different texts. */
export const utf8Of = (bytes: Buffer | null | undefined): string | undefined =>
  bytes !== null && bytes !== undefined && isUtf8(bytes) ? bytes.toString('utf8') : undefined

/** What is wrong with bytes that are not UTF-8: the position of the first wrong byte, and what they look like. */
export function notUtf8(bytes: Uint8Array): string {
  const other = otherEncoding(bytes)
  if (other !== undefined) return `not UTF-8: it looks like ${other}`
  const at = firstWrong(bytes)
  const byte = bytes[at]
  if (byte === undefined) return 'not UTF-8: it ends in the middle of a character'
  return `not UTF-8: byte 0x${hex(byte)} at position ${at} begins no valid character; ${guess(bytes, at)}`
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0')

function guess(bytes: Uint8Array, at: number): string {
  const byte = bytes[at]!
  if (byte === 0xed) return 'it looks like CESU-8, which encodes halves of surrogate pairs'
  if (byte === 0xc0) return "it looks like Java's modified UTF-8"
  return `it looks like ${byte < 0xa0 ? 'Windows-1252' : 'Latin-1 (ISO 8859-1)'}; write UTF-8`
}

/** How bytes begin that are compressed. */
const compressions: readonly (readonly [string, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['a zip file', [0x50, 0x4b, 0x03, 0x04]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['snappy', [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e]],
  ['zlib (deflate)', [0x78, 0x01]],
  ['zlib (deflate)', [0x78, 0x9c]],
  ['zlib (deflate)', [0x78, 0xda]],
]

/** The compression that the first bytes name. */
export const compressionOf = (bytes: Uint8Array): string | undefined =>
  compressions.find(([, start]) => start.every((byte, i) => bytes[i] === byte))?.[0]

/** The name of the encoding or compression of text that is not UTF-8, by its first bytes; undefined for other bytes. */
export function otherEncoding(bytes: Uint8Array): string | undefined {
  const [first, second] = [bytes[0], bytes[1]]
  if (first === 0xff && second === 0xfe) return 'UTF-16 (little endian)'
  if (first === 0xfe && second === 0xff) return 'UTF-16 (big endian)'
  if (bytes.length >= 4 && first !== 0 && second === 0 && bytes[3] === 0)
    return bytes[2] === 0 ? 'UTF-32' : 'UTF-16 (little endian)'
  if (bytes.length >= 4 && first === 0 && second !== 0 && bytes[2] === 0 && bytes[3] !== 0) return 'UTF-16 (big endian)'
  return compressionOf(bytes)
}

/** The bytes after a byte order mark of UTF-8, if there is one. */
export const withoutMark = (bytes: Buffer): Buffer =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes

/** The position of the first byte that begins no character of UTF-8 (Unicode 15, table 3-7). */
function firstWrong(bytes: Uint8Array): number {
  let at = 0
  while (at < bytes.length) {
    const length = charLength(bytes, at)
    if (length === 0) return at
    at += length
  }
  return at
}

/** The number of bytes of the character at a position; 0 where there is none. A cut-off character reaches beyond. */
function charLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  for (let i = 1; i < length && at + i < bytes.length; i++) {
    const byte = bytes[at + i]!
    if (byte < (i === 1 ? least : 0x80) || byte > (i === 1 ? most : 0xbf)) return 0
  }
  return length
}
