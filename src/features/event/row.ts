import { clockParts, localMs } from './calendar.js'
import { readColumns, type ColumnSlot } from './columns.js'
import type { Event } from '../feature.js'
import type { Value, Where } from '../value.js'
import { kilometres } from './geography.js'
import { codeOf } from '../../base/hash.js'
import { condition, isColumn, isMissing, operations, textMeasures, within } from './values.js'

/**
 * The event's time, the time as of which its windows are read (see `memory.ts`), and a time before which that never is:
 * an entity's history up to there may be forgotten (see `reachOf`). Always the first three numbers.
 */
export const TIME = 0
export const AS_OF = 1
export const LEAST_AS_OF = 2
/** The condition that always holds. */
export const ALWAYS = 0

/**
 * One event as numbers. Every value, condition and code that the features of a set use has a slot; equal ones share a
 * slot. All are computed once per event, and later code reads no columns. Each plan has one row and reuses it.
 */
export interface Row {
  /** NaN is absent. */
  readonly numbers: Float64Array
  readonly matches: Uint8Array
  /** Column values as `codeOf` gives them. */
  readonly codes: Float64Array
}

export interface RowPlan {
  readonly row: Row
  fill(event: Event): void
  /** The row for a time without an event: every value is absent and no condition matches. */
  clear(timeMs: number): void
}

type Step = (numbers: Float64Array, raws: readonly unknown[]) => void

/** Hands out slots while a set is compiled; `plan` closes it. */
export class RowBuilder {
  readonly #slots = new Map<string, number>()
  readonly #numeric: ColumnSlot[] = []
  readonly #raw: ColumnSlot[] = []
  readonly #steps: Step[] = []
  readonly #conditions: ((raws: readonly unknown[]) => boolean)[] = []
  readonly #codes: number[] = []
  #numbers = LEAST_AS_OF + 1

  constructor(time: string) {
    this.#numeric.push({ column: time, slot: TIME })
    this.#slots.set(JSON.stringify({ column: time }), TIME)
  }

  /** Slot of a value among the numbers. */
  number(value: Value): number {
    const key = JSON.stringify(value)
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const step = isColumn(value) ? undefined : this.#step(value)
    const slot = this.#numbers++
    this.#slots.set(key, slot)
    if (isColumn(value)) this.#numeric.push({ column: value.column, slot })
    else if (step !== undefined) this.#steps.push(step(slot))
    return slot
  }

  /** Slot among the numbers that is 1 where the condition holds, else 0. */
  indicator(where: Where): number {
    const key = `where ${JSON.stringify(where)}`
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const holds = this.#holds(where)
    const slot = this.#numbers++
    this.#slots.set(key, slot)
    this.#steps.push((numbers, raws) => void (numbers[slot] = holds(raws) ? 1 : 0))
    return slot
  }

  /** Slot among the matches that is 1 where all the conditions hold. */
  match(...conditions: readonly (Where | undefined)[]): number {
    const given = conditions.filter((where) => where !== undefined && Object.keys(where).length > 0) as readonly Where[]
    if (given.length === 0) return ALWAYS
    return this.#shared(`match ${JSON.stringify(given)}`, () => {
      const all = given.map((where) => this.#holds(where))
      const only = all[0]!
      return this.#conditions.push(all.length === 1 ? only : (raws) => all.every((holds) => holds(raws)))
    })
  }

  /** Slot of a column's value among the codes. */
  code(column: string): number {
    return this.#shared(`code ${column}`, () => this.#codes.push(this.#rawSlot(column)) - 1)
  }

  #shared(key: string, make: () => number): number {
    const slot = this.#slots.get(key) ?? make()
    this.#slots.set(key, slot)
    return slot
  }

  #rawSlot(column: string): number {
    return this.#shared(`raw ${column}`, () => this.#raw.push({ column, slot: this.#raw.length }) - 1)
  }

  #holds(where: Where): (raws: readonly unknown[]) => boolean {
    const tests = Object.entries(where).map(([column, wanted]) => ({
      slot: this.#rawSlot(column),
      holds: condition(wanted),
    }))
    const only = tests[0]
    if (only !== undefined && tests.length === 1) return (raws) => only.holds(raws[only.slot])
    return (raws) => tests.every(({ slot, holds }) => holds(raws[slot]))
  }

  /** Computes the same as `evaluate` in values.ts, with the operands in slots. */
  #step(value: Exclude<Value, { readonly column: string } & { readonly clock?: never }>): (out: number) => Step {
    if ('clock' in value) {
      const at = this.number({ column: value.column })
      const part = clockParts[value.clock]
      if (value.offset === undefined) return stepOf((n) => part(n[at]!))
      const offset = this.number({ column: value.offset })
      return stepOf((n) => part(localMs(n[at]!, n[offset]!)))
    }
    if ('between' in value) {
      const [from, to] = value.between.map((column) => this.number({ column })) as [number, number]
      return stepOf((n) => (n[to]! - n[from]!) / value.unitMs)
    }
    if ('left' in value) {
      const [left, right, operation] = [this.number(value.left), this.number(value.right), operations[value.op]]
      return stepOf((n) => operation(n[left]!, n[right]!))
    }
    if ('of' in value) return this.#measure(value.op, value.of)
    if ('within' in value) {
      const of = this.number(value.within)
      return stepOf((n) => within(n[of]!, value.ranges))
    }
    if ('missing' in value) {
      const raw = this.#rawSlot(value.missing)
      return stepOf((_, raws) => (isMissing(raws[raw]) ? 1 : 0))
    }
    if ('km' in value) {
      const [lat, lon, lat2, lon2] = value.km.map((column) => this.number({ column })) as [
        number,
        number,
        number,
        number,
      ]
      return stepOf((n) => kilometres(n[lat]!, n[lon]!, n[lat2]!, n[lon2]!))
    }
    return stepOf(() => (value as { constant: number }).constant)
  }

  #measure(op: 'abs' | 'log1p' | 'length' | 'digits', of: Value): (out: number) => Step {
    if ((op === 'length' || op === 'digits') && isColumn(of)) {
      const raw = this.#rawSlot(of.column)
      return stepOf((_, raws) => textMeasures[op](raws[raw]))
    }
    const slot = this.number(of)
    const measure = op === 'abs' ? Math.abs : op === 'log1p' ? Math.log1p : textMeasures[op]
    return stepOf((n) => measure(n[slot]!))
  }

  plan(): RowPlan {
    const row: Row = {
      numbers: new Float64Array(this.#numbers),
      matches: new Uint8Array(1 + this.#conditions.length),
      codes: new Float64Array(this.#codes.length),
    }
    const { numbers, matches, codes } = row
    numbers[LEAST_AS_OF] = -Infinity
    const read = readColumns(this.#numeric, this.#raw)
    const raws: unknown[] = this.#raw.map(() => undefined)
    const [steps, conditions, coded] = [this.#steps, this.#conditions, this.#codes]
    const fill = (event: Event): void => {
      read(event, numbers, raws)
      for (let i = 0; i < steps.length; i++) steps[i]!(numbers, raws)
      matches[ALWAYS] = 1
      for (let i = 0; i < conditions.length; i++) matches[i + 1] = conditions[i]!(raws) ? 1 : 0
      for (let i = 0; i < coded.length; i++) codes[i] = codeOf(raws[coded[i]!])
    }
    const clear = (timeMs: number): void => {
      numbers.fill(Number.NaN)
      matches.fill(0)
      codes.fill(Number.NaN)
      numbers[TIME] = timeMs
      numbers[LEAST_AS_OF] = -Infinity
    }
    return { row, fill, clear }
  }
}

const stepOf =
  (compute: (numbers: Float64Array, raws: readonly unknown[]) => number) =>
  (out: number): Step =>
  (numbers, raws) => {
    const result = compute(numbers, raws)
    numbers[out] = Number.isFinite(result) ? result : Number.NaN
  }
