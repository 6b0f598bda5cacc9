/** The years of plausible log times. In these, seconds, milliseconds, micro- and nanoseconds never look alike. */
const earliest = Date.UTC(2000, 0, 1)
const latest = Date.UTC(2100, 0, 1)

/** Milliseconds of one unit in which producers write log times by mistake. */
const units = [1, 1_000, 1 / 1_000, 1 / 1_000_000] as const

/**
 * The time that a record's timestamp means, epoch ms. A producer may have written seconds, micro- or nanoseconds; the
 * magnitude tells the unit. Undefined where it is no time in any unit, such as -1 or 0. Depends on the record alone, so
 * that a replay decides the same.
 */
export function recordTimeOf(timestamp: number): number | undefined {
  for (const unit of units) {
    const timeMs = timestamp * unit
    if (timeMs >= earliest && timeMs < latest) return timeMs
  }
  return undefined
}
