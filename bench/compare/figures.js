// Rows in, numbers out: medians of the runs, and how engines compare.

/** @typedef {Readonly<Record<string, number>>} Figures */
/**
 * One run of one engine. @typedef {{ readonly measurement: string, readonly engine: string, readonly run: number,
 * readonly figures: Figures }} Row
 */
/** @typedef {Readonly<Record<string, Figures>>} ByEngine */

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? Number(sorted[middle]) : (Number(sorted[middle - 1]) + Number(sorted[middle])) / 2
}

/**
 * The median of each figure, by measurement and engine. @param {readonly Row[]} rows @returns {Readonly<Record<string,
 * ByEngine>>}
 */
export function mediansOf(rows) {
  /** @type {Record<string, Record<string, Figures>>} */
  const medians = {}
  for (const { measurement, engine } of rows) {
    const runs = rows.filter((row) => row.measurement === measurement && row.engine === engine)
    const names = Object.keys(runs[0]?.figures ?? {})
    ;(medians[measurement] ??= {})[engine] = Object.fromEntries(
      names.map((name) => [name, median(runs.map(({ figures }) => Number(figures[name])))]),
    )
  }
  return medians
}

/**
 * Microseconds of CPU an event: of the engine, and of everything that it needs, which is the broker and where its state
 * is. @param {Figures} spent CPU seconds by process. @param {number} events
 */
export function cpuAnEvent(spent, events) {
  const micros = (/** @type {number} */ seconds) => (seconds / events) * 1e6
  const whole = Object.values(spent).reduce((sum, seconds) => sum + seconds, 0)
  return {
    ...Object.fromEntries(Object.entries(spent).map(([name, seconds]) => [`${name}CpuMicros`, micros(seconds)])),
    totalCpuMicros: micros(whole),
  }
}

/** Figures of which less is better; the others are rates. */
const costs = ['engineCpuMicros', 'totalCpuMicros', 'p50Ms', 'p95Ms', 'p99Ms', 'peakMemoryMiB']

/**
 * How Tidemill compares with each peer of a measurement: its figure divided by theirs. Above 1 is better for
 * `eventsPerSecond`, below 1 for what it costs.
 * @param {ByEngine} byEngine @param {string} [ours]
 */
export function ratiosOf(byEngine, ours = 'tidemill') {
  const own = byEngine[ours]
  if (own === undefined) return {}
  const peers = Object.entries(byEngine).filter(([engine]) => !engine.startsWith(ours))
  return Object.fromEntries(
    peers.map(([engine, theirs]) => [
      engine,
      Object.fromEntries(
        ['eventsPerSecond', ...costs].flatMap((name) =>
          own[name] === undefined || theirs[name] === undefined ? [] : [[name, own[name] / theirs[name]]],
        ),
      ),
    ]),
  )
}
