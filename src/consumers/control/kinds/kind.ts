import type { TProperties } from '@sinclair/typebox'

/** One kind of decision: the fields that it adds to the envelope, and how its records are keyed. */
export interface Kind<Name extends string, Fields extends TProperties> {
  readonly kind: Name
  readonly fields: Fields
  /**
   * The subject of the decision. A decision replaces the last one of the same key, of any kind; its record names the id
   * of the replaced decision.
   */
  readonly keyOf: (fields: never) => string
  /** Converts the fields of a record from before records had ids, if their names have changed since. */
  readonly fromOld?: (record: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
}

export const kindOf = <Name extends string, Fields extends TProperties>(kind: Kind<Name, Fields>): Kind<Name, Fields> =>
  kind
