/** A number taken from one event. A column's `null` makes the whole value absent. Booleans read as 0 and 1. */
export type Value =
  | { readonly column: string }
  /**
   * Local time of day or day of week of a time column; `offset` names a column with the UTC offset in minutes (null or
   * beyond 18 h: UTC). Monday is 0.
   */
  | { readonly clock: 'minute-of-day' | 'hour' | 'weekday'; readonly column: string; readonly offset?: string }
  /** Milliseconds from column `from` to column `to`, divided by `unitMs`. */
  | { readonly between: readonly [from: string, to: string]; readonly unitMs: number }
  | { readonly op: '-' | '+' | '*' | '/'; readonly left: Value; readonly right: Value }
  | { readonly op: 'abs' | 'log1p' | 'length' | 'digits'; readonly of: Value | { readonly column: string } }
  | { readonly constant: number }
  /** 1 where the number lies in one of the half-open ranges [from, below), else 0. */
  | { readonly within: Value; readonly ranges: readonly (readonly [from: number, below: number])[] }
  /** 1 where the column is null, else 0; never absent itself. */
  | { readonly missing: string }
  /** Great-circle kilometres between two points of the same event. */
  | { readonly km: readonly [lat: string, lon: string, lat2: string, lon2: string] }

/** All must hold. A list means any of; a bound is inclusive. */
export type Where = Readonly<
  Record<string, Scalar | readonly Scalar[] | { readonly atLeast?: number; readonly atMost?: number }>
>
export type Scalar = string | number | boolean
