import { countFrom, type Labelled } from './ranking.js'

/** The costs of the two kinds of errors, in any unit. */
export interface CostRule {
  readonly falseAlarm: number
  readonly miss: number
}

/** The cost of an alarm for every score >= `threshold`. */
export interface ThresholdCost {
  readonly threshold: number
  readonly hits: number
  readonly falseAlarms: number
  readonly misses: number
  readonly passes: number
  readonly cost: number
}

export function costAt({ positives, negatives }: Labelled, threshold: number, rule: CostRule): ThresholdCost {
  const hits = countFrom(positives, threshold)
  const falseAlarms = countFrom(negatives, threshold)
  const misses = positives.length - hits
  return {
    threshold,
    hits,
    falseAlarms,
    misses,
    passes: negatives.length - falseAlarms,
    cost: falseAlarms * rule.falseAlarm + misses * rule.miss,
  }
}

/** The costs at thresholds from 0 to 1 in equal steps. */
export const costCurve = (labelled: Labelled, rule: CostRule, steps = 100): readonly ThresholdCost[] =>
  Array.from({ length: steps + 1 }, (_, i) => costAt(labelled, i / steps, rule))

/** The cheapest one; the lowest threshold among equals; undefined without labelled rows. */
export function cheapest(costs: readonly ThresholdCost[]): ThresholdCost | undefined {
  const [first] = costs
  if (first === undefined || first.hits + first.falseAlarms + first.misses + first.passes === 0) return undefined
  return costs.reduce((best, one) => (one.cost < best.cost ? one : best))
}
