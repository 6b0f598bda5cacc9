import { kilometres } from '../event/geography.js'
import { NEWEST, type Memory } from '../memory/memory.js'
import type { Outputs, Part, Surroundings } from './part.js'
import { AS_OF, TIME, type Row } from '../event/row.js'

/** Compares the row with the last event. Called only while the last event is remembered. */
export type RecordRead = (nums: Float64Array, row: Row, out: Outputs) => void

/** The last event, in log order, for which a condition holds: its time and the values that features compare with. */
export interface LastRecord {
  /** Cell of the last event's time. */
  readonly time: number
  /** Cell with the value that a slot of the row's numbers (codes) had at the last event, NaN where it was absent. */
  number(slot: number): number
  code(slot: number): number
  /** Result slot of the kilometres between the last position and the event's; features share it. */
  kilometres(lat: number, lon: number): number
  read(horizonMs: number, read: RecordRead): void
  build(): Part
}

/** A slot of the row and the cell that keeps its value. */
interface Kept {
  readonly slot: number
  readonly cell: number
}

export function lastRecord(match: number, around: Surroundings): LastRecord {
  const numbers: Kept[] = []
  const codes: Kept[] = []
  const reads: { readonly horizonMs: number; readonly read: RecordRead }[] = []
  const distances: { readonly lat: Kept; readonly lon: Kept; readonly result: number }[] = []
  let longestMs = 0
  const time = around.builder.cells([-Infinity], (memory) => forget(memory))
  const keep = (kept: Kept[], slot: number): Kept => {
    const known = kept.find((one) => one.slot === slot)
    if (known !== undefined) return known
    const fresh = { slot, cell: around.builder.cells([0]) }
    kept.push(fresh)
    return fresh
  }
  const forget = ({ nums }: Memory): void => {
    if (nums[time]! > nums[NEWEST]! - around.latenessMs - longestMs) return
    nums[time] = -Infinity
    for (const one of numbers) nums[one.cell] = 0
    for (const one of codes) nums[one.cell] = 0
  }
  return {
    time,
    number: (slot) => keep(numbers, slot).cell,
    code: (slot) => keep(codes, slot).cell,
    kilometres: (latSlot, lonSlot) => {
      const [lat, lon] = [keep(numbers, latSlot), keep(numbers, lonSlot)]
      const known = distances.find((one) => one.lat === lat && one.lon === lon)
      const one = known ?? { lat, lon, result: around.results(1) }
      if (known === undefined) distances.push(one)
      return one.result
    },
    read: (horizonMs, read) => {
      reads.push({ horizonMs, read })
      longestMs = Math.max(longestMs, horizonMs)
    },
    build: () => ({
      before: ({ nums }, row, out) => {
        const sinceMs = row.numbers[AS_OF]! - nums[time]!
        if (sinceMs >= longestMs) return
        for (let i = 0; i < distances.length; i++) {
          const { lat, lon, result } = distances[i]!
          out.results[result] = kilometres(
            nums[lat.cell]!,
            nums[lon.cell]!,
            row.numbers[lat.slot]!,
            row.numbers[lon.slot]!,
          )
        }
        for (let i = 0; i < reads.length; i++) if (sinceMs < reads[i]!.horizonMs) reads[i]!.read(nums, row, out)
      },
      add: ({ nums }, row) => {
        if (row.matches[match] === 0) return
        nums[time] = row.numbers[TIME]!
        for (let i = 0; i < numbers.length; i++) nums[numbers[i]!.cell] = row.numbers[numbers[i]!.slot]!
        for (let i = 0; i < codes.length; i++) nums[codes[i]!.cell] = row.codes[codes[i]!.slot]!
      },
    }),
  }
}
