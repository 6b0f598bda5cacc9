/** Measures of a ranking, as scikit-learn defines them; `ranking.json` contains scikit-learn's values. */

function descending(truth: readonly number[], score: readonly number[]): { hits: number; rows: number }[] {
  const order = score.map((_, index) => index).sort((a, b) => score[b]! - score[a]!)
  const groups: { hits: number; rows: number }[] = []
  order.forEach((row, at) => {
    const tied = at > 0 && score[row] === score[order[at - 1]!]
    if (!tied) groups.push({ hits: 0, rows: 0 })
    const group = groups.at(-1)!
    group.rows++
    group.hits += truth[row]!
  })
  return groups
}

/** Probability that a positive ranks above a negative; ties count half. */
export function rocAuc(truth: readonly number[], score: readonly number[]): number {
  let above = 0
  let sum = 0
  let negatives = 0
  for (const { hits, rows } of descending(truth, score)) {
    sum += (rows - hits) * (above + hits / 2)
    above += hits
    negatives += rows - hits
  }
  return sum / (above * negatives)
}

/** Average precision: the sum of precision times the recall gained, threshold by threshold. */
export function prAuc(truth: readonly number[], score: readonly number[]): number {
  const positives = truth.reduce((a, b) => a + b, 0)
  let hits = 0
  let rows = 0
  let sum = 0
  for (const group of descending(truth, score)) {
    hits += group.hits
    rows += group.rows
    sum += (group.hits / positives) * (hits / rows)
  }
  return sum
}

/** The better of a feature's two directions, with missing values at the end that is better for it. */
export function bestAuc(truth: readonly number[], values: readonly number[]): number {
  const rankings = [1, -1].flatMap((sign) =>
    [-Infinity, Infinity].map((missing) => values.map((value) => (Number.isNaN(value) ? missing : sign * value))),
  )
  return Math.max(...rankings.map((ranking) => rocAuc(truth, ranking)))
}
