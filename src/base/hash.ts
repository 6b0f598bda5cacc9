/**
 * MurmurHash3, 32 bit, over the UTF-16 code units of a text (little-endian bytes). Signed.
 * Source: Austin Appleby, MurmurHash3_x86_32 (public domain).
 */
export function murmur3(text: string, seed: number): number {
  const length = text.length
  let h = seed | 0
  let i = 0
  for (; i + 1 < length; i += 2) {
    h ^= scrambled(text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16))
    h = (h << 13) | (h >>> 19)
    h = (Math.imul(h, 5) + 0xe6546b64) | 0
  }
  if (i < length) h ^= scrambled(text.charCodeAt(i))
  h ^= length << 1
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function scrambled(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}

/** Seeds of the two 32-bit hashes that together form a wider one. */
export const lanes = { high: 0x2f0b4a27, low: 0x51ed270b } as const

/**
 * A column's value as one number. Equal values have equal codes. Numbers and booleans are their own code; the code of a
 * text is 52 bits of its hash (the chance that two of 10,000 different texts of one entity collide is 1 in 10^8). State
 * holds codes instead of texts, so it consists of numbers only. NaN means absent.
 */
export function codeOf(raw: unknown): number {
  if (typeof raw === 'string') return (murmur3(raw, lanes.high) >>> 0) * 0x100000 + (murmur3(raw, lanes.low) >>> 12)
  if (typeof raw === 'number') return Number.isFinite(raw) ? raw : Number.NaN
  if (typeof raw === 'boolean') return raw ? 1 : 0
  return typeof raw === 'bigint' ? Number(raw) : Number.NaN
}
