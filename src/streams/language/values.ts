import type { Value } from '../../features/value.js'

declare const asks: unique symbol

/**
 * A number computed from one event. `Asks` lists what it needs of the stream; the compiler checks it, and it does not
 * exist at run time.
 */
export interface Expression<Asks extends string = string> {
  readonly value: Value
  /** The feature's value when the number is absent; by default NaN, which models read as missing. */
  readonly otherwise: number
  readonly [asks]?: Asks | undefined
}

/** A number: the name of a number column, or an expression. */
export type Numeric = string | Expression
export type AsksOf<N> = N extends string ? `number column ${N}` : N extends Expression<infer A> ? A : never

/** What a condition needs: the values of a text column, or a number in any other column. */
export type WhereAsks<W> = {
  [K in keyof W & string]: W[K] extends string
    ? `${K} is ${W[K]}`
    : W[K] extends readonly (infer S)[]
      ? S extends string
        ? `${K} is ${S}`
        : `${K} is a number`
      : `${K} is a number`
}[keyof W & string]

interface Missing {
  readonly otherwise?: number
}
interface Local<Offset extends string> {
  /** Column with the UTC offset in minutes; UTC by default. */
  readonly offset?: Offset
}
export type OffsetAsks<Offset extends string> = string extends Offset ? never : `number column ${Offset}`

export const expression = <A extends string>(value: Value, otherwise = Number.NaN): Expression<A> => ({
  value,
  otherwise,
})

/** The value of a named or computed number. */
export const valueOf = (number: Numeric): Value => (typeof number === 'string' ? { column: number } : number.value)

/** The number in a column; booleans become 0 and 1. */
export const field = <const N extends string>(column: N, options: Missing = {}): Expression<`number column ${N}`> =>
  expression({ column }, options.otherwise)

export const constant = (number: number): Expression<never> => expression({ constant: number })

/** 1 when the column is null, otherwise 0. */
export const missing = <const N extends string>(column: N): Expression<`column ${N}`> => expression({ missing: column })

const clock =
  (part: 'minute-of-day' | 'hour' | 'weekday') =>
  <const T extends string, const O extends string = string>(
    time: T,
    options: Local<O> = {},
  ): Expression<`time column ${T}` | OffsetAsks<O>> =>
    expression({ clock: part, column: time, ...(options.offset === undefined ? {} : { offset: options.offset }) })

/** 0..23. */
export const hour = clock('hour')
/** 0..6, Monday is 0. */
export const weekday = clock('weekday')
/** 0..1439. */
export const minuteOfDay = clock('minute-of-day')

/**
 * Minutes of a day that starts at 04:00: 240..1679. A night shift from 22:00 to 03:00 is one range instead of two ends
 * of the scale, so its mean and deviation are meaningful.
 */
export function minuteOfWorkday<const T extends string, const O extends string = string>(
  time: T,
  options: Local<O> = {},
): Expression<`time column ${T}` | OffsetAsks<O>> {
  const minute = minuteOfDay<T, O>(time, options)
  return expression(plus(minute, times(within(minute, [0, 240]), 1440)).value)
}

/** Time from the first column to the second in the unit; negative when the second is earlier. */
const between =
  (unitMs: number) =>
  <const A extends string, const B extends string>(
    from: A,
    to: B,
    options: Missing = {},
  ): Expression<`time column ${A}` | `time column ${B}`> =>
    expression({ between: [from, to], unitMs }, options.otherwise)

export const secondsBetween = between(1_000)
export const minutesBetween = between(60_000)
export const hoursBetween = between(3_600_000)
export const daysBetween = between(86_400_000)

const operation =
  (op: '-' | '+' | '*' | '/') =>
  <const L extends Numeric | number, const R extends Numeric | number>(
    left: L,
    right: R,
  ): Expression<AsksOf<L> | AsksOf<R>> =>
    expression({ op, left: operand(left), right: operand(right) })

const operand = (side: Numeric | number): Value => (typeof side === 'number' ? { constant: side } : valueOf(side))

export const plus = operation('+')
export const minus = operation('-')
export const times = operation('*')
/** Absent when the divisor is 0. */
export const over = operation('/')

export const abs = <const N extends Numeric>(number: N): Expression<AsksOf<N>> =>
  expression({ op: 'abs', of: valueOf(number) })
/** ln(1 + x), for sizes and counts with a large range. */
export const log1p = <const N extends Numeric>(number: N): Expression<AsksOf<N>> =>
  expression({ op: 'log1p', of: valueOf(number) })
/** Number of characters of a text. */
export const length = <const N extends string>(column: N): Expression<`text column ${N}`> =>
  expression({ op: 'length', of: { column } })
/** Number of decimal digits in a text. */
export const digits = <const N extends string>(column: N): Expression<`text column ${N}`> =>
  expression({ op: 'digits', of: { column } })

/** 1 when the number is in one of the half-open ranges [from, below), otherwise 0. */
export const within = <const N extends Numeric>(
  number: N,
  ...ranges: readonly (readonly [from: number, below: number])[]
): Expression<AsksOf<N>> => expression({ within: valueOf(number), ranges })

/** Great-circle kilometres between two points of the same event. */
export const kilometresBetween = <
  const A extends string,
  const B extends string,
  const C extends string,
  const D extends string,
>(
  from: readonly [lat: A, lon: B],
  to: readonly [lat: C, lon: D],
): Expression<`number column ${A | B | C | D}`> => expression({ km: [from[0], from[1], to[0], to[1]] })

export const isExpression = (thing: object): thing is Expression => 'value' in thing && !('kind' in thing)
