/** Checks requests against their TypeBox shapes: bodies unchanged, parameters after conversion from text. */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from '@sinclair/typebox'
import { TypeCompiler, type ValueError } from '@sinclair/typebox/compiler'
import { Value } from '@sinclair/typebox/value'
import { Refusal, type FieldError } from './problems.js'

/** The most errors that one answer lists. */
const namedErrors = 10

/**
 * Fastify's validator: an invalid body is BAD_FIELD (422), an invalid parameter BAD_QUERY (400). Both name the field.
 */
export const compileValidator: FastifySchemaCompiler<unknown> = (part) =>
  validatorOf(part.schema as TSchema, part.httpPart === 'body')

export function validatorOf(
  schema: TSchema,
  isBody: boolean,
): (input: unknown) => { value: unknown } | { error: Error } {
  const check = TypeCompiler.Compile(schema)
  return (input: unknown) => {
    const value = isBody ? input : Value.Convert(schema, input)
    if (check.Check(value)) return { value }
    const errors = fieldErrors(check.Errors(value))
    const detail = errors.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; ')
    return { error: new Refusal(isBody ? 'BAD_FIELD' : 'BAD_QUERY', detail, { errors }) }
  }
}

/** For routes whose bodies the engine checks against the stream's schema. */
export const checkedByEngine: FastifySchemaCompiler<unknown> = (part) =>
  part.httpPart === 'body' ? () => true : compileValidator(part)

function fieldErrors(found: Iterable<ValueError>): readonly FieldError[] {
  const byField = new Map<string, string>()
  for (const error of found) {
    const field = error.path.slice(1)
    if (byField.has(field)) continue
    byField.set(field, messageOf(error))
    if (byField.size === namedErrors) break
  }
  return Array.from(byField, ([field, message]) => ({ field, message }))
}

/** TypeBox's own message, except for a value outside a set of choices: there the message lists the choices. */
function messageOf({ schema, message }: ValueError): string {
  const constants = schema['enum'] as readonly unknown[] | undefined
  const choices =
    constants?.map((value) => JSON.stringify(value)) ??
    (schema['anyOf'] as readonly Choice[] | undefined)?.map(choiceOf)
  return choices ? `must be one of ${choices.join(', ')}` : message.charAt(0).toLowerCase() + message.slice(1)
}

interface Choice {
  readonly const?: unknown
  readonly type?: string
}
const choiceOf = (choice: Choice): string =>
  choice.const === undefined ? String(choice.type) : JSON.stringify(choice.const)
