import type { Duration } from '../../features/feature.js'

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

/**
 * Milliseconds of a duration such as '90s', '5m', '1h', '7d', '4w'; NaN for anything else, so that a later check can
 * report its place.
 */
export function durationMs(duration: Duration): number {
  const parts = /^(\d{1,9}(?:\.\d{1,3})?)([smhdw])$/.exec(duration)
  return parts === null ? Number.NaN : Math.round(Number(parts[1]) * unitMs[parts[2] as keyof typeof unitMs])
}

/** The shortest text for a number of milliseconds: '90s', '1h', '35d'. */
export function durationText(ms: number): string {
  for (const unit of ['w', 'd', 'h', 'm', 's'] as const)
    if (ms > 0 && ms % unitMs[unit] === 0) return `${ms / unitMs[unit]}${unit}`
  return `${ms}ms`
}
