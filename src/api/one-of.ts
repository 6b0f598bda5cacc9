import { Kind, Type, TypeRegistry, type TUnsafe } from '@sinclair/typebox'

const words = 'tidemill:words'
TypeRegistry.Set<{ readonly enum: readonly unknown[] }>(words, (schema, value) => schema.enum.includes(value))

/** A TypeBox shape for one of some words, as JSON Schema's `enum`, which documents show better than a union. */
export const oneOf = <const Words extends readonly string[]>(
  choices: Words,
  description?: string,
): TUnsafe<Words[number]> =>
  Type.Unsafe<Words[number]>({
    [Kind]: words,
    type: 'string',
    enum: choices,
    ...(description !== undefined && { description }),
  })
