import { NEWEST, type Memory } from './memory.js'
import type { Outputs, Part, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from './row.js'

/** Reads against the last event: `at` is the cell of its time. Called only while the event is remembered. */
export type RecordRead = (nums: Float64Array, row: Row, out: Outputs) => void

/** The last event, in log order, for which a condition holds: its time, and what features compare with. */
export interface LastRecord {
  /** Cell of the last event's time. */
  readonly time: number
  /** Cell that holds what the slot of the row's numbers (codes) was at the last event, NaN where it was absent. */
  number(slot: number): number
  code(slot: number): number
  read(horizonMs: number, read: RecordRead): void
  build(): Part
}

export function lastRecord(match: number, around: Surroundings): LastRecord {
  const kept: { readonly from: 'numbers' | 'codes'; readonly slot: number; readonly cell: number }[] = []
  const reads: { readonly horizonMs: number; readonly read: RecordRead }[] = []
  const longestMs = (): number => Math.max(...reads.map((one) => one.horizonMs))
  const time = around.builder.cells([-Infinity], (memory) => forget(memory))
  const cellOf = (from: 'numbers' | 'codes', slot: number): number => {
    const known = kept.find((one) => one.from === from && one.slot === slot)
    if (known !== undefined) return known.cell
    const cell = around.builder.cells([0])
    kept.push({ from, slot, cell })
    return cell
  }
  const forget = ({ nums }: Memory): void => {
    if (nums[time]! > nums[NEWEST]! - around.latenessMs - longestMs()) return
    nums[time] = -Infinity
    for (const one of kept) nums[one.cell] = 0
  }
  return {
    time,
    number: (slot) => cellOf('numbers', slot),
    code: (slot) => cellOf('codes', slot),
    read: (horizonMs, read) => void reads.push({ horizonMs, read }),
    build: () => ({
      before: ({ nums }, row, out) => {
        const sinceMs = row.numbers[AS_OF]! - nums[time]!
        for (let i = 0; i < reads.length; i++) if (sinceMs < reads[i]!.horizonMs) reads[i]!.read(nums, row, out)
      },
      add: ({ nums }, row) => {
        if (row.matches[match] === 0) return
        nums[time] = row.numbers[TIME]!
        for (let i = 0; i < kept.length; i++) {
          const one = kept[i]!
          nums[one.cell] = row[one.from][one.slot]!
        }
      },
    }),
  }
}
