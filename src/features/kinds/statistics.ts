/** Result slots, relative to the first one, of the statistics of one window. */
export const N = 0
export const SUM = 1
export const MEAN = 2
export const M2 = 3
export const MIN = 4
export const MAX = 5
export const STATISTICS = 6

/**
 * What a feature needs of its window besides the number of values. `moments` are mean and M2 (sum of squared
 * deviations).
 */
export type Need = 'sum' | 'mean' | 'moments' | 'min' | 'max'

/**
 * The part of an event that goes into a window: a value (slot of the row's numbers; -1 for the event itself), if a
 * condition holds.
 */
export interface Source {
  readonly number: number
  readonly match: number
}

export interface WindowRequest {
  readonly source: Source
  readonly windowMs: number
  readonly prior: boolean
  readonly needs: readonly Need[]
}

/** A source and all statistics that features need of it. */
export interface Wanted {
  readonly source: Source
  readonly needs: Set<Need>
}

/** Collects requests so that equal sources share columns and equal windows share one reading. */
export class Requests<View extends { readonly base: number }> {
  readonly wanted = new Map<string, Wanted>()
  readonly views = new Map<string, View>()

  source(source: Source, needs: readonly Need[]): string {
    const key = `${source.number} ${source.match}`
    const known = this.wanted.get(key) ?? { source, needs: new Set<Need>() }
    needs.forEach((need) => known.needs.add(need))
    this.wanted.set(key, known)
    return key
  }

  view(key: string, make: () => View): View {
    const view = this.views.get(key) ?? make()
    this.views.set(key, view)
    return view
  }
}
