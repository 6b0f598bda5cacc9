import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { murmur2 } from '../../../base/keys.js'

/** Seeded randomness. Two dice thrown from the same seed and names fall alike, on every machine. */
export interface Dice {
  /** In [0, 1). */
  next(): number
  /** A whole number in [0, n). */
  below(n: number): number
  between(low: number, high: number): number
  chance(p: number): boolean
  normal(mean: number, deviation: number): number
  /** Median times e^N(0, sigma): sizes and errors in life are skewed. */
  skewed(median: number, sigma: number): number
  exponential(mean: number): number
  pick<T>(list: readonly T[]): T
}

/**
 * Dice for one purpose. Every process of every tenant and day throws its own, so a change in one process leaves the
 * others as they were.
 */
export function diceOf(seed: number, ...names: readonly (string | number)[]): Dice {
  const source = xoroshiro128plus(murmur2(Buffer.from(`${seed}|${names.join('|')}`)))
  // The first outputs of this generator still resemble its seed.
  for (let i = 0; i < 8; i++) source.next()
  const next = (): number => (source.next() >>> 0) / 0x1_0000_0000
  const normal = (mean: number, deviation: number): number =>
    mean + deviation * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return {
    next,
    below: (n) => Math.floor(next() * n),
    between: (low, high) => low + (high - low) * next(),
    chance: (p) => next() < p,
    normal,
    skewed: (median, sigma) => median * Math.exp(normal(0, sigma)),
    exponential: (mean) => -mean * Math.log(1 - next()),
    pick: (list) => list[Math.floor(next() * list.length)]!,
  }
}

/** An index in [0, n) where small ones are frequent: rank r has weight 1/(r+1)^skew. */
export function zipf(n: number, skew: number): (dice: Dice) => number {
  const upTo: number[] = []
  let sum = 0
  for (let rank = 0; rank < n; rank++) upTo.push((sum += (rank + 1) ** -skew))
  return (dice) => {
    const at = dice.next() * sum
    let low = 0
    let high = n - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (upTo[middle]! > at) high = middle
      else low = middle + 1
    }
    return low
  }
}

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))
export const rounded = (value: number, decimals: number): number => {
  const scale = 10 ** decimals
  return Math.round(value * scale) / scale
}
