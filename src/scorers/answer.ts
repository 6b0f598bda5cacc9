/** Sums of float32 probabilities exceed 0..1 by at most this. */
const rounding = 1e-5

/** The score that a model's answer is: a number in 0..1. NaN where the answer is none. */
export function scoreOf(answer: number): number {
  if (answer >= 0 && answer <= 1) return answer
  return answer >= -rounding && answer <= 1 + rounding ? Math.min(Math.max(answer, 0), 1) : Number.NaN
}

/** What a model answered instead of a score. */
export const noScore = (answer: number): string => `it answered ${answer}, which is no number in 0..1`
