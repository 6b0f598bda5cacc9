/** Numbers that follow from a seed alone. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, n). */
  below(n: number): number
  /** A number in [low, high). */
  between(low: number, high: number): number
  chance(probability: number): boolean
  pick<T>(values: readonly T[]): T
}

/**
 * Generators of different `use` are independent of each other, so that one that is asked more often changes no other.
 */
export function seededRandom(seed: number, use: string): Random {
  let [a, b, c, counter] = [seed | 0, Math.floor(seed / 0x1_0000_0000) | 0, hashOf(use), 1]
  /** sfc32 of PractRand: passes its tests, 128 bits of state. */
  const next32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let i = 0; i < 12; i++) next32()
  const next = (): number => next32() / 0x1_0000_0000
  const below = (n: number): number => Math.floor(next() * n)
  return {
    next,
    below,
    between: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
    pick: (values) => values[below(values.length)]!,
  }
}

/** FNV-1a. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash | 0
}
