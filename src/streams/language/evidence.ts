/** Arithmetic for heuristics. A missing feature (NaN) counts as no evidence. */

/** 0 up to `from`, 1 from `to`, linear between them; decreasing when `to` is below `from`. */
export function ramp(x: number, from: number, to: number): number {
  const share = (x - from) / (to - from)
  return share > 0 ? Math.min(1, share) : 0
}

/** `probability` when the condition holds, otherwise 0. */
export const when = (holds: boolean, probability: number): number => (holds ? probability : 0)

/** The probability that at least one of independent causes is present (noisy or): 1 - (1 - a)(1 - b)... */
export const anyOf = (...probabilities: readonly number[]): number =>
  1 - probabilities.reduce((none, probability) => none * (1 - probability), 1)
