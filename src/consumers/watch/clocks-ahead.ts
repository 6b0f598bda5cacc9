import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { ClockAhead } from '../../features/plan/plan.js'
import { durationText } from '../../streams/language/duration.js'

/** The sources whose clocks ran ahead lately, as far as this process scored their events. */
export interface ClocksAhead {
  add(stream: string, found: readonly ClockAhead[]): void
  /** A sentence for each source, the one that was furthest ahead first; empty while there is none. */
  lately(): readonly string[]
}

interface Source extends ClockAhead {
  readonly stream: string
  readonly atMs: number
}

export function followClocksAhead(clock: Clock): ClocksAhead {
  /** In the order of their last finding. */
  const sources = new Map<string, Source>()

  return {
    add(stream, found) {
      for (const one of found) {
        const key = JSON.stringify([stream, one.tenant, one.source])
        const known = sources.get(key)
        sources.delete(key)
        sources.set(key, {
          ...one,
          stream,
          aheadMs: Math.max(one.aheadMs, known?.aheadMs ?? 0),
          events: one.events + (known?.events ?? 0),
          atMs: clock.nowMs(),
        })
      }
      while (sources.size > limits.clocksAhead) sources.delete(sources.keys().next().value!)
    },
    lately() {
      for (const [key, { atMs }] of sources) if (clock.nowMs() - atMs > limits.clocksAheadMs) sources.delete(key)
      return [...sources.values()]
        .sort((a, b) => b.aheadMs - a.aheadMs)
        .map(
          ({ stream, tenant, source, aheadMs, events }) =>
            `${source === '' ? 'a source without an id' : source} of tenant ${tenant} in ${stream} was ahead by ` +
            `${durationText(roughly(aheadMs))} (${events} ${events === 1 ? 'event' : 'events'})`,
        )
    },
  }
}

/** Whole minutes, and whole hours from two days on. */
const roughly = (ms: number): number => {
  const unitMs = ms < 48 * 3_600_000 ? 60_000 : 3_600_000
  return Math.max(1, Math.round(ms / unitMs)) * unitMs
}
