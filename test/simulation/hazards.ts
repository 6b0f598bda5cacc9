import type { Random } from './random.js'
import type { Timeline } from './timeline.js'
import type { Trace } from './trace.js'

/** What can go wrong, by name. Each is met at least a hundred times in a run of the usual size. */
export const hazards = [
  'lost acknowledgement',
  'late duplicate append',
  'two owners',
  'reordered sends',
  'rolled-back state',
  'flushed state',
  'partly applied insert',
  'offsets with holes',
  'missing model',
  'late write',
  'crash',
  'duplicate from a producer',
  'late event',
  'bad record',
  'rebalance',
  'clock jump',
  'paused process',
  'refused call',
  'outage',
] as const
export type Hazard = (typeof hazards)[number]

/** One thing that went wrong, to be told to whoever looks for the reason of a violation. */
export interface Strike {
  readonly atMs: number
  readonly hazard: Hazard
  readonly detail: string
  /** By this a run can be repeated without it; absent where it follows from others. */
  readonly ordinal?: number
}

export interface HazardOptions {
  readonly random: Random
  readonly timeline: Timeline
  readonly trace: Trace
  /** Ordinals of strikes that are left out, to find out which of them matter. */
  readonly without: ReadonlySet<number>
}

/**
 * Decides what goes wrong and keeps the history of it. Each seed leaves some hazards out and makes others frequent, so
 * that rare meetings of a few of them are not drowned by the rest.
 */
export class Hazards {
  readonly history: Strike[] = []
  readonly #options: HazardOptions
  readonly #intensity: ReadonlyMap<Hazard, number>
  #struck = 0
  #calm = false

  constructor(options: HazardOptions) {
    this.#options = options
    const { random } = options
    this.#intensity = new Map(hazards.map((hazard) => [hazard, random.chance(0.3) ? 0 : random.between(0.3, 2.5)]))
  }

  /** From now on nothing goes wrong any more. */
  calm(): void {
    this.#calm = true
  }

  get isCalm(): boolean {
    return this.#calm
  }

  /** Whether the hazard strikes here, and under which ordinal. `chance` is that of a seed of the usual intensity. */
  strikes(hazard: Hazard, chance: number): number | undefined {
    const roll = this.#options.random.next()
    if (this.#calm || roll >= chance * this.#intensity.get(hazard)!) return undefined
    const ordinal = this.#struck++
    return this.#options.without.has(ordinal) ? undefined : ordinal
  }

  /** The hazard has been met: what it does has happened. */
  met(hazard: Hazard, detail: string, ordinal?: number): void {
    const { timeline, trace } = this.#options
    this.history.push({ atMs: timeline.nowMs, hazard, detail, ...(ordinal === undefined ? {} : { ordinal }) })
    trace.note(hazard, detail)
  }

  counts(): Record<Hazard, number> {
    const counts = Object.fromEntries(hazards.map((hazard) => [hazard, 0])) as Record<Hazard, number>
    for (const { hazard } of this.history) counts[hazard]++
    return counts
  }
}
