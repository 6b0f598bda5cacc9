/**
 * The scoring rule of the Numenta Anomaly Benchmark (Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection
 * Algorithms", 2015): how well scores of single rows find labelled windows, the earlier the better, false alarms
 * charged.
 */

/** One file: its rows in order, and its anomalies as index spans, both ends inclusive, in order. */
export interface LabelledSeries {
  readonly name: string
  readonly rows: number
  readonly windows: readonly (readonly [first: number, last: number])[]
}

/** What a found window earns at most, a false alarm costs at most, a missed window costs. */
export interface Profile {
  readonly found: number
  readonly falseAlarm: number
  readonly missed: number
}

export const profiles = {
  standard: { found: 1, falseAlarm: 0.11, missed: 1 },
  low_fp: { found: 1, falseAlarm: 0.22, missed: 1 },
  low_fn: { found: 1, falseAlarm: 0.11, missed: 2 },
} as const satisfies Readonly<Record<string, Profile>>

export interface NabScore {
  /** 0 detects nothing, 100 is perfect; below 0 is worse than nothing. */
  readonly score: number
  /** Points above those of detecting nothing. */
  readonly gained: number
  /** Rows with a score of at least this are alarms. */
  readonly threshold: number
  readonly windows: number
  readonly found: number
  /** Rows outside every window that are alarms. */
  readonly falseAlarms: number
}

/** Rows at the start of a file that only warm a detector up: 15 %, at most those of 5,000 rows. */
export const probationRows = (rows: number): number => Math.floor(0.15 * Math.min(rows, 5_000))

/**
 * The score at the best threshold, one for all files, as NAB reports it; or at the given one. `scores[i]` belongs to
 * `series[i]`, a number a row, larger is more anomalous.
 */
export function nabScore(
  series: readonly LabelledSeries[],
  scores: readonly ArrayLike<number>[],
  profile: Profile = profiles.standard,
  threshold?: number,
): NabScore {
  const alarms = series.flatMap((one, i) => possibleAlarms(one, scores[i]!, profile)).sort((a, b) => b.score - a.score)
  const windows = series.reduce((sum, one) => sum + one.windows.length, 0)
  const nothing: Sweep = { value: -profile.missed * windows, threshold: Infinity, found: 0, falseAlarms: 0 }
  const sweeps = swept(alarms, nothing, profile)
  const best =
    threshold === undefined
      ? sweeps.reduce((best, one) => (one.value > best.value ? one : best), nothing)
      : sweeps.reduce((last, one) => (one.threshold >= threshold ? one : last), nothing)
  return {
    score: (100 * (best.value - nothing.value)) / (profile.found * windows - nothing.value),
    gained: best.value - nothing.value,
    threshold: best.threshold,
    windows,
    found: best.found,
    falseAlarms: best.falseAlarms,
  }
}

export interface LeftOut {
  /** The score when each file's threshold is the best one of the other files. */
  readonly score: number
  /** The range of these thresholds. */
  readonly thresholds: readonly [lowest: number, highest: number]
  /** The range of the best scores of the files without one of them. */
  readonly without: readonly [lowest: number, highest: number]
}

/** What the score is worth on a file that the threshold has not seen. */
export function leaveOneOut(
  series: readonly LabelledSeries[],
  scores: readonly ArrayLike<number>[],
  profile: Profile = profiles.standard,
): LeftOut {
  const folds = series.map((one, i) => {
    const others = nabScore(
      series.filter((_, j) => j !== i),
      scores.filter((_, j) => j !== i),
      profile,
    )
    // A file without windows has no score, so points are added instead of scores.
    const alone = nabScore([one], [scores[i]!], profile, others.threshold)
    return { threshold: others.threshold, without: others.score, gained: alone.gained }
  })
  const windows = series.reduce((sum, one) => sum + one.windows.length, 0)
  const range = (of: readonly number[]): readonly [number, number] => [Math.min(...of), Math.max(...of)]
  return {
    score: (100 * folds.reduce((sum, { gained }) => sum + gained, 0)) / ((profile.found + profile.missed) * windows),
    thresholds: range(folds.map(({ threshold }) => threshold)),
    without: range(folds.map(({ without }) => without)),
  }
}

interface Alarm {
  readonly score: number
  /** What the row earns if it is an alarm; of one window only the best counts. */
  readonly value: number
  /** Undefined outside every window. */
  readonly window: string | undefined
}

/**
 * +0.987 at a window's left edge, 0 at its right edge, towards -1 beyond it; `position` in window lengths from there.
 */
const credit = (position: number): number => (position > 3 ? -1 : 2 / (1 + Math.exp(5 * position)) - 1)

function possibleAlarms(
  { name, rows, windows }: LabelledSeries,
  scores: ArrayLike<number>,
  profile: Profile,
): readonly Alarm[] {
  const alarms: Alarm[] = []
  for (let row = probationRows(rows); row < rows; row++) {
    const inside = windows.findIndex(([first, last]) => first <= row && row <= last)
    if (inside >= 0) {
      const [first, last] = windows[inside]!
      alarms.push({
        score: scores[row]!,
        value: (credit(-(last - row + 1) / (last - first + 1)) / credit(-1)) * profile.found,
        window: `${name} ${inside}`,
      })
    } else {
      const before = windows.findLast(([, last]) => last < row)
      alarms.push({
        score: scores[row]!,
        value: (before === undefined ? -1 : credit((row - before[1]) / (before[1] - before[0]))) * profile.falseAlarm,
        window: undefined,
      })
    }
  }
  return alarms
}

interface Sweep {
  readonly value: number
  readonly threshold: number
  readonly found: number
  readonly falseAlarms: number
}

/** The state of things at each distinct score as the threshold, from the highest down. */
function swept(alarms: readonly Alarm[], nothing: Sweep, profile: Profile): readonly Sweep[] {
  const sweeps: Sweep[] = []
  const earned = new Map<string, number>()
  let { value, falseAlarms } = nothing
  alarms.forEach((alarm, i) => {
    if (alarm.window === undefined) {
      value += alarm.value
      falseAlarms++
    } else {
      const before = earned.get(alarm.window)
      value += before === undefined ? profile.missed + alarm.value : Math.max(0, alarm.value - before)
      earned.set(alarm.window, Math.max(before ?? -Infinity, alarm.value))
    }
    if (alarms[i + 1]?.score !== alarm.score)
      sweeps.push({ value, threshold: alarm.score, found: earned.size, falseAlarms })
  })
  return sweeps
}
