import type { TProperties } from '@sinclair/typebox'

/** One kind of decision: the fields that it adds to the envelope, and how its records are keyed. */
export interface Kind<Name extends string, Fields extends TProperties> {
  readonly kind: Name
  readonly fields: Fields
  /**
   * What the decision is about. A decision replaces the last one of the same key, whatever kind that is of, and so a
   * record names the one that it replaces.
   */
  readonly keyOf: (fields: never) => string
  /** The fields of a record from before records had ids, where they differ from those that it has. */
  readonly fromOld?: (record: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>
}

export const kindOf = <Name extends string, Fields extends TProperties>(kind: Kind<Name, Fields>): Kind<Name, Fields> =>
  kind
