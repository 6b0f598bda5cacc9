const minuteMs = 60_000
const dayMs = 86_400_000
const weekMs = 7 * dayMs

/** Offsets are at most 18 hours, as ISO 8601 implementations agree. A larger one is an error and is treated as UTC. */
export const largestOffsetMs = 18 * 60 * minuteMs

/** Local time of an instant; the offset is in minutes, NaN for none. */
export function localMs(timeMs: number, offsetMin: number): number {
  const offsetMs = offsetMin * minuteMs
  return Math.abs(offsetMs) <= largestOffsetMs ? timeMs + offsetMs : timeMs
}

export const clockParts = {
  'minute-of-day': (ms: number): number => Math.floor(rest(ms, dayMs) / minuteMs),
  hour: (ms: number): number => Math.floor(rest(ms, dayMs) / 3_600_000),
  /** Monday is 0; 1970-01-01 was a Thursday. */
  weekday: (ms: number): number => rest(Math.floor(ms / dayMs) + 3, 7),
} as const

const periods = { day: dayMs, week: weekMs } as const

/**
 * Number of the slot since 1970. Numbers that are equal modulo `slots` are the same slot of different days or weeks.
 */
export function slotOf(ms: number, period: keyof typeof periods, slots: number): number {
  const periodMs = periods[period]
  const past = Math.floor(ms / periodMs)
  return past * slots + Math.floor(((ms - past * periodMs) * slots) / periodMs)
}

/** Slots that a time span covers, rounded up. */
export const slotsIn = (ms: number, period: keyof typeof periods, slots: number): number =>
  Math.ceil((ms * slots) / periods[period])

const rest = (n: number, by: number): number => n - Math.floor(n / by) * by
