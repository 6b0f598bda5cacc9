import { clockParts, localMs } from './calendar.js'
import { numberOf } from './columns.js'
import type { Scalar, Value, Where } from '../value.js'
import { kilometres } from './geography.js'

/** Reads a column of the current event. */
export type Get = (column: string) => unknown

/** The value for one event, NaN where it is absent. This is the definition; `row.ts` compiles it. */
export function evaluate(value: Value, get: Get): number {
  const result = evaluated(value, get)
  return Number.isFinite(result) ? result : Number.NaN
}

function evaluated(value: Value, get: Get): number {
  const number = (column: string): number => numberOf(get(column))
  if ('clock' in value)
    return clockParts[value.clock](localMs(number(value.column), value.offset === undefined ? 0 : number(value.offset)))
  if ('between' in value) return (number(value.between[1]) - number(value.between[0])) / value.unitMs
  if ('left' in value) return operations[value.op](evaluate(value.left, get), evaluate(value.right, get))
  if ('of' in value) {
    if (value.op === 'abs') return Math.abs(evaluate(value.of, get))
    if (value.op === 'log1p') return Math.log1p(evaluate(value.of, get))
    return textMeasures[value.op](isColumn(value.of) ? get(value.of.column) : evaluate(value.of, get))
  }
  if ('within' in value) return within(evaluate(value.within, get), value.ranges)
  if ('missing' in value) return isMissing(get(value.missing)) ? 1 : 0
  if ('km' in value)
    return kilometres(number(value.km[0]), number(value.km[1]), number(value.km[2]), number(value.km[3]))
  return 'constant' in value ? value.constant : number(value.column)
}

/** A plain column, not a clock reading of one. */
export const isColumn = (value: Value): value is { readonly column: string } => 'column' in value && !('clock' in value)

export const operations = {
  '-': (left: number, right: number): number => left - right,
  '+': (left: number, right: number): number => left + right,
  '*': (left: number, right: number): number => left * right,
  '/': (left: number, right: number): number => left / right,
} as const

/** Measures of a text, a list, or a number in decimal notation. */
export const textMeasures = {
  length: (raw: unknown): number =>
    typeof raw === 'string' || Array.isArray(raw) || raw instanceof Uint8Array
      ? raw.length
      : written(raw).length || Number.NaN,
  digits: (raw: unknown): number => {
    if (typeof raw === 'string') return raw.replace(/[^0-9]/g, '').length
    return written(raw).replace(/[^0-9]/g, '').length || Number.NaN
  },
} as const

const written = (raw: unknown): string =>
  typeof raw === 'bigint' || (typeof raw === 'number' && Number.isFinite(raw)) ? String(raw) : ''

export function within(number: number, ranges: readonly (readonly [from: number, below: number])[]): number {
  if (Number.isNaN(number)) return number
  for (const [from, below] of ranges) if (number >= from && number < below) return 1
  return 0
}

export const isMissing = (raw: unknown): boolean => raw === null || raw === undefined

/** Whether all conditions hold. No condition holds for null. */
export const matches = (where: Where, get: Get): boolean =>
  Object.entries(where).every(([column, wanted]) => condition(wanted)(get(column)))

type Wanted = Where[string]

export function condition(wanted: Wanted): (raw: unknown) => boolean {
  if (typeof wanted !== 'object') return (raw) => raw === wanted
  if (isList(wanted)) return (raw) => wanted.includes(raw as Scalar)
  const { atLeast = -Infinity, atMost = Infinity } = wanted
  return (raw) => {
    const number = numberOf(raw)
    return number >= atLeast && number <= atMost
  }
}

export const isList = (wanted: Wanted): wanted is readonly Scalar[] => Array.isArray(wanted)
