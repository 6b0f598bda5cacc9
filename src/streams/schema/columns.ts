/**
 * Checks the use of columns at compile time. `C` is the type of an event, generated from its schema. Without such a
 * type (`AnyEvent`) every name compiles and is checked against the schema when the stream is defined.
 */

/** Epoch milliseconds. A plain number is assignable; a column of this type cannot be summed. */
export type Timestamp = number & { readonly unit?: 'epoch-ms' }

/** An event whose columns are known only at start-up. */
export type AnyEvent = Readonly<Record<string, never>>

export type Column<C> = keyof C & string

type Is<T, Kind> = [T] extends [never] ? true : [NonNullable<T>] extends [Kind] ? true : false
type IsTime<T> = [T] extends [never] ? true : 'unit' extends keyof NonNullable<T> ? true : false
type IsNumber<T> = [T] extends [never] ? true : IsTime<T> extends true ? false : Is<T, number | boolean>
type Always<T> = [T] extends [never] ? true : null extends T ? false : true

export type NumberColumn<C> = { [K in Column<C>]: IsNumber<C[K]> extends true ? K : never }[Column<C>]
export type TextColumn<C> = { [K in Column<C>]: Is<C[K], string> extends true ? K : never }[Column<C>]
export type TimeColumn<C> = { [K in Column<C>]: IsTime<C[K]> extends true ? K : never }[Column<C>]
/** Columns that are never null. */
export type Required<C, K extends Column<C>> = { [N in K]: Always<C[N]> extends true ? N : never }[K]

type TextOf<T> = [T] extends [never] ? string : Extract<NonNullable<T>, string>

/** The conditions that the columns allow: `method is manual`, `kind is in`, `lat is a number`. */
export type Condition<C> =
  | { [K in TextColumn<C>]: `${K} is ${TextOf<C[K]>}` }[TextColumn<C>]
  | { [K in NumberColumn<C>]: `${K} is a number` }[NumberColumn<C>]

/** The needs that a stream can satisfy for its features. The texts appear in the compiler's messages. */
export type Allowed<C, Entity extends string, Name extends string> =
  | `number column ${NumberColumn<C>}`
  | `text column ${TextColumn<C>}`
  | `time column ${TimeColumn<C>}`
  | `column ${Column<C>}`
  | `entity ${Entity}`
  | `feature ${Name}`
  | Condition<C>
