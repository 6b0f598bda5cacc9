import { exp2 } from '../../base/exp2.js'
import { NEWEST, type Memory } from '../memory/memory.js'
import type { Outputs, Part, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'

export type FadingRead = (row: Row, out: Outputs) => void

/** Exponentially weighted mean and variance in event time: a value weighs half after each half-life. */
export interface Fading {
  /** Result slot of the mean before the event; the next slot is the deviation. */
  readonly result: number
  /** Calls `read` when mean and deviation are written, if there is a history. */
  read(read: FadingRead): void
  build(): Part
}

/**
 * Distances of the cells from the first one: the time for which the weights are valid, their sum, mean, weighted M2.
 */
const [AT, WEIGHT, MEAN, M2] = [0, 1, 2, 3]

/**
 * Weights are relative to the newest value. An older value that arrives late gets the weight that it would have had in
 * time, so the order of arrival does not matter. Update by West (1979). After a pause as long as the horizon the
 * history is empty.
 */
export function fading(
  source: { readonly number: number; readonly match: number; readonly halfLifeMs: number; readonly horizonMs: number },
  around: Surroundings,
): Fading {
  const reads: FadingRead[] = []
  const result = around.results(2)
  const base = around.builder.cells([-Infinity, 0, 0, 0], ({ nums }) => {
    if (nums[base]! <= nums[NEWEST]! - around.latenessMs - source.horizonMs) clear(nums, base)
  })
  const add = ({ nums }: Memory, { numbers, matches }: Row): void => {
    const value = numbers[source.number]!
    if (matches[source.match] === 0 || value !== value) return
    if (numbers[AS_OF]! - nums[base + AT]! >= source.horizonMs) clear(nums, base)
    fade(nums, base, numbers[TIME]!, source.halfLifeMs, value)
  }
  return {
    result,
    read: (read) => void reads.push(read),
    build: () => ({
      before: ({ nums }, row, out) => {
        if (row.numbers[AS_OF]! - nums[base + AT]! >= source.horizonMs) return
        out.results[result] = nums[base + MEAN]!
        out.results[result + 1] = Math.sqrt(nums[base + M2]! / nums[base + WEIGHT]!)
        for (let i = 0; i < reads.length; i++) reads[i]!(row, out)
      },
      add,
    }),
  }
}

function fade(nums: Float64Array, base: number, timeMs: number, halfLifeMs: number, value: number): void {
  const halfLives = (timeMs - nums[base + AT]!) / halfLifeMs
  let weight = 1
  if (halfLives > 0) {
    const kept = exp2(-halfLives)
    nums[base + AT] = timeMs
    nums[base + WEIGHT]! *= kept
    nums[base + M2]! *= kept
  } else weight = exp2(halfLives)
  const total = nums[base + WEIGHT]! + weight
  const off = value - nums[base + MEAN]!
  const step = (off * weight) / total
  nums[base + WEIGHT] = total
  nums[base + MEAN]! += step
  nums[base + M2]! += weight * off * (off - step)
}

function clear(nums: Float64Array, base: number): void {
  nums[base + AT] = -Infinity
  nums[base + WEIGHT] = 0
  nums[base + MEAN] = 0
  nums[base + M2] = 0
}
