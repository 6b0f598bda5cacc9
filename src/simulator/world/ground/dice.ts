import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { murmur2 } from '../../../base/keys.js'

/** Seeded random numbers. The same seed and names give the same numbers on every machine. */
export interface Dice {
  /** In [0, 1). */
  next(): number
  /** An integer in [0, n). */
  below(n: number): number
  between(low: number, high: number): number
  chance(p: number): boolean
  normal(mean: number, deviation: number): number
  /** `median` times e^N(0, sigma), because real sizes and errors are skewed. */
  skewed(median: number, sigma: number): number
  exponential(mean: number): number
  pick<T>(list: readonly T[]): T
}

/**
 * Dice for one purpose. Every process has its own dice per tenant and day, so a change of one process does not change
 * the others.
 */
export function diceOf(seed: number, ...names: readonly (string | number)[]): Dice {
  const source = xoroshiro128plus(murmur2(Buffer.from(`${seed}|${names.join('|')}`)))
  // The first outputs of this generator are too similar to its seed.
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

/** An index in [0, n); small ones are frequent: rank r has the weight 1/(r+1)^skew. */
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
