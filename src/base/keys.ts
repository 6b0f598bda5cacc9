/** Entity and record keys, and the partitioner that every producer and reader must share. */

/** Separates the parts of a composite key. Ids cannot hold it, because control characters in ids are refused. */
export const keySeparator = '\u0001'

/**
 * MurmurHash2, 32 bit, as Kafka's Java client computes it for keys (seed 0x9747b28c).
 * Source: Austin Appleby, MurmurHash2 (public domain).
 */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995
  const length = data.length
  let h = (0x9747b28c ^ length) | 0
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k = (data[i]! & 0xff) | ((data[i + 1]! & 0xff) << 8) | ((data[i + 2]! & 0xff) << 16) | (data[i + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    k = Math.imul(k, m)
    h = Math.imul(h, m) ^ k
  }
  const rest = length - i
  if (rest === 3) h ^= (data[i + 2]! & 0xff) << 16
  if (rest >= 2) h ^= (data[i + 1]! & 0xff) << 8
  if (rest >= 1) {
    h ^= data[i]! & 0xff
    h = Math.imul(h, m)
  }
  h ^= h >>> 13
  h = Math.imul(h, m)
  h ^= h >>> 15
  return h
}

/** The partition of a key: the same as the Java client and librdkafka's `murmur2_random` choose. */
export const partitionOf = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions

/**
 * FNV-1a, 32 bit, unsigned: some clients choose partitions by it.
 * Source: Fowler, Noll, Vo (public domain).
 */
export function fnv1a(data: Uint8Array): number {
  let h = 0x811c9dc5
  for (const byte of data) h = Math.imul(h ^ byte, 0x01000193)
  return h >>> 0
}
