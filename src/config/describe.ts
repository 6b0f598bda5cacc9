import type { TSchema } from '@sinclair/typebox'
import { closest } from '../base/edit-distance.js'
import { hostAndPort } from './schema/kinds.js'

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)!}`

/** Describes the allowed values of a setting: 'a whole number from 0 to 65535'. */
export function allowed(schema: TSchema): string {
  if (schema.anyOf !== undefined) return list((schema.anyOf as TSchema[]).map(allowed))
  if (schema.const !== undefined) return `'${String(schema.const)}'`
  const { minimum, maximum } = schema as { minimum?: number; maximum?: number }
  const range = minimum === undefined || maximum === undefined ? '' : ` from ${minimum} to ${maximum}`
  switch (schema['type']) {
    case 'integer':
      return `a whole number${range}`
    case 'number':
      return `a number${range}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list of ${itemsOf(schema['items'] as TSchema)}`
    default:
      return 'text'
  }
}

function itemsOf(items: TSchema): string {
  if (items['type'] === 'object') return 'tenants, each {id: up to 128 characters}'
  if (items.anyOf !== undefined) return allowed(items)
  if (items['pattern'] === undefined) return 'names'
  return items['pattern'] === hostAndPort.pattern ? 'addresses, each host:port' : 'models, each family/version'
}

/** A value as JSON or quoted text, cut to 60 characters. */
export function shown(value: unknown): string {
  const json = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value))
  return json.length > 60 ? `${json.slice(0, 57)}...` : json
}

/** The known word with the smallest edit distance, unless it differs in more than a third of the letters. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const best = closest(word, known, (one) => one.toLowerCase())
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.word : undefined
}
