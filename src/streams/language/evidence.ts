/** Small arithmetic for heuristics. A missing feature (NaN) is no evidence. */

/** 0 up to `from`, 1 from `to` on, a straight line between; falling where `to` is below `from`. */
export function ramp(x: number, from: number, to: number): number {
  const share = (x - from) / (to - from)
  return share > 0 ? Math.min(1, share) : 0
}

/** `probability` where it holds, else 0. */
export const when = (holds: boolean, probability: number): number => (holds ? probability : 0)

/** The chance that at least one of independent causes is at work (noisy or): 1 - (1 - a)(1 - b)... */
export const anyOf = (...probabilities: readonly number[]): number =>
  1 - probabilities.reduce((none, probability) => none * (1 - probability), 1)
