/** How well scores rank positives (label 1) above negatives (label 0). */

/** Scores by label, each ascending. Every figure of this file is computed from them. */
export interface Labelled {
  readonly positives: Float32Array
  readonly negatives: Float32Array
}

/** Splits scores by their labels; rows with another label than 0 or 1, and scores that are NaN, are left out. */
export function byLabel(scores: Float32Array, labels: Int8Array): Labelled {
  const pick = (label: number): Float32Array => {
    const rows = scores.filter((score, row) => labels[row] === label && !Number.isNaN(score))
    return rows.sort()
  }
  return { positives: pick(1), negatives: pick(0) }
}

/** The result when every score >= `threshold` is an alarm. */
export interface Cut {
  readonly threshold: number
  /** Positives that are alarms. */
  readonly hits: number
  /** Negatives that are alarms. */
  readonly falseAlarms: number
}

/** A cut at each distinct score, in descending order. */
function* cuts({ positives, negatives }: Labelled): Generator<Cut> {
  let p = positives.length - 1
  let n = negatives.length - 1
  while (p >= 0 || n >= 0) {
    const threshold = Math.max(p >= 0 ? positives[p]! : -Infinity, n >= 0 ? negatives[n]! : -Infinity)
    while (p >= 0 && positives[p] === threshold) p--
    while (n >= 0 && negatives[n] === threshold) n--
    yield { threshold, hits: positives.length - 1 - p, falseAlarms: negatives.length - 1 - n }
  }
}

/**
 * The probability that a positive scores higher than a negative, ties count half; undefined without one of each.
 * Source: Hanley and McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC) Curve",
 * 1982.
 */
export function rocAuc(labelled: Labelled): number | undefined {
  const { positives, negatives } = labelled
  if (positives.length === 0 || negatives.length === 0) return undefined
  let area = 0
  let before: Pick<Cut, 'hits' | 'falseAlarms'> = { hits: 0, falseAlarms: 0 }
  for (const cut of cuts(labelled)) {
    area += ((cut.falseAlarms - before.falseAlarms) * (cut.hits + before.hits)) / 2
    before = cut
  }
  return area / (positives.length * negatives.length)
}

/**
 * Average precision: the precision at each cut, weighted by the recall that it adds; undefined without positives.
 * Source: Manning, Raghavan and Schuetze, "Introduction to Information Retrieval", 2008, section 8.4; without
 * interpolation.
 */
export function prAuc(labelled: Labelled): number | undefined {
  const total = labelled.positives.length
  if (total === 0) return undefined
  let area = 0
  let before = 0
  for (const { hits, falseAlarms } of cuts(labelled)) {
    area += ((hits - before) / total) * (hits / (hits + falseAlarms))
    before = hits
  }
  return area
}

/** A point of a curve, both coordinates 0..1. */
export type Point = readonly [x: number, y: number]

/**
 * False-alarm rate against hit rate, from (0, 0) to (1, 1), in about `points` points; empty without one of each label.
 */
export function rocCurve(labelled: Labelled, points = 200): readonly Point[] {
  const [positives, negatives] = [labelled.positives.length, labelled.negatives.length]
  if (positives === 0 || negatives === 0) return []
  return thinned(
    [[0, 0], ...pointsOf(labelled, ({ hits, falseAlarms }) => [falseAlarms / negatives, hits / positives])],
    points,
  )
}

/** Recall against precision, in about `points` points; empty without positives. */
export function prCurve(labelled: Labelled, points = 200): readonly Point[] {
  const positives = labelled.positives.length
  if (positives === 0) return []
  return thinned(
    pointsOf(labelled, ({ hits, falseAlarms }) => [hits / positives, hits / (hits + falseAlarms)]),
    points,
  )
}

function pointsOf(labelled: Labelled, of: (cut: Cut) => Point): Point[] {
  const points: Point[] = []
  for (const cut of cuts(labelled)) points.push(of(cut))
  return points
}

/** Keeps the first and the last point, and between them those at least one step from the previous kept one. */
function thinned(points: readonly Point[], wanted: number): readonly Point[] {
  const step = 2 / wanted
  const kept: Point[] = []
  points.forEach((point, i) => {
    const last = kept.at(-1)
    if (
      last === undefined ||
      i === points.length - 1 ||
      Math.abs(point[0] - last[0]) + Math.abs(point[1] - last[1]) >= step
    )
      kept.push(point)
  })
  return kept
}

/** How many of an ascending list are at least `value`. */
export function countFrom(ascending: Float32Array, value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ascending[middle]! < value) low = middle + 1
    else high = middle
  }
  return ascending.length - low
}
