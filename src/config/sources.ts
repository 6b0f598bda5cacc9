import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { TSchema } from '@sinclair/typebox'
import { LineCounter, isMap, isNode, isScalar, parseDocument, type Document } from 'yaml'
import { nearest } from './describe.js'
import { settings, type Setting } from './settings.js'
import { messageOf } from '../base/errors.js'

/** A value and its origin: `--port`, `TIDEMILL_API_PORT`, `tidemill.yaml:4`. */
export interface Given {
  readonly value: unknown
  readonly origin: string
  readonly source: 'flag' | 'environment' | 'file'
}

/** Values by setting path, and the entries that could not be read. */
export interface Source {
  readonly given: ReadonlyMap<string, Given>
  readonly problems: readonly string[]
}

const truthOf: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  yes: true,
  on: true,
  false: false,
  '0': false,
  no: false,
  off: false,
}

/** Converts text to the setting's type. Text that cannot be converted stays text, so that the schema rejects it. */
function fromText(schema: TSchema, text: string): unknown {
  const word = text.trim()
  if (schema.anyOf !== undefined) {
    const options = schema.anyOf as TSchema[]
    if (options.some((option) => option.const === word)) return word
    const list = options.find((option) => option['type'] === 'array')
    return list === undefined ? text : fromText(list, word)
  }
  switch (schema['type']) {
    case 'integer':
    case 'number':
      return word === '' || !Number.isFinite(Number(word)) ? text : Number(word)
    case 'boolean':
      return truthOf[word.toLowerCase()] ?? text
    case 'array': {
      const items = word
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '')
      return (schema['items'] as TSchema)['type'] === 'object' ? items.map((id) => ({ id })) : items
    }
    default:
      return text
  }
}

/** Makes a path absolute: relative to the configuration file that names it, or to the working directory. */
function located(setting: Setting, value: unknown, directory: string): unknown {
  if (!setting.isPath) return value
  if (Array.isArray(value))
    return value.map((item: unknown) => (typeof item === 'string' ? resolve(directory, item) : item))
  return typeof value === 'string' && value !== '' ? resolve(directory, value) : value
}

/** Flags by setting path. Text is converted; values that the command line has parsed already stay as they are. */
export function fromFlags(flags: Readonly<Record<string, unknown>>, directory: string): Source {
  const given = new Map<string, Given>()
  for (const setting of settings) {
    const raw = flags[setting.path]
    if (raw === undefined) continue
    const value = typeof raw === 'string' ? fromText(setting.schema, raw) : raw
    given.set(setting.path, {
      value: located(setting, value, directory),
      origin: setting.flag?.split(' ')[0] ?? setting.path,
      source: 'flag',
    })
  }
  return { given, problems: [] }
}

/** Variables that are no settings: the commands that talk to a running engine read them. */
export const clientVariables = ['TIDEMILL_CONFIG', 'TIDEMILL_URL', 'TIDEMILL_KEY'] as const

/** Kubernetes sets such variables in every pod for a service named `tidemill`; they are not settings. */
const serviceLink = (name: string, value: string): boolean =>
  /^(tcp|udp|sctp):\/\//.test(value) || /_(SERVICE_(HOST|PORT)(_\w+)?|(TCP|UDP|SCTP)(_\w+)?)$/.test(name)

export function fromEnvironment(variables: Readonly<Record<string, string | undefined>>, directory: string): Source {
  const given = new Map<string, Given>()
  const problems: string[] = []
  const byVariable = new Map(settings.map((setting) => [setting.variable, setting]))
  for (const [name, text] of Object.entries(variables)) {
    if (
      !name.startsWith('TIDEMILL_') ||
      text === undefined ||
      text === '' ||
      (clientVariables as readonly string[]).includes(name) ||
      serviceLink(name, text)
    )
      continue
    const setting = byVariable.get(name)
    if (setting === undefined) {
      const meant = nearest(name, [...byVariable.keys(), ...clientVariables])
      problems.push(`${name}: there is no such variable${meant === undefined ? '' : `; did you mean ${meant}?`}`)
    } else
      given.set(setting.path, {
        value: located(setting, fromText(setting.schema, text), directory),
        origin: name,
        source: 'environment',
      })
  }
  return { given, problems }
}

/** Reads one YAML file. An unknown key is a problem, so that a misspelt setting does not silently keep its default. */
export function fromFile(path: string): Source {
  const lines = new LineCounter()
  const given = new Map<string, Given>()
  let document: Document
  try {
    document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines })
  } catch (error) {
    return { given, problems: [`${path}: cannot be read (${messageOf(error)})`] }
  }
  if (document.errors.length > 0)
    return { given, problems: document.errors.map((error) => `${path}: ${error.message.split('\n')[0]!}`) }
  const problems: string[] = []
  const visit = (node: unknown, prefix: string): void => {
    if (!isMap(node)) {
      const empty = node === null || (isScalar(node) && node.value === null)
      if (!empty) problems.push(`${prefix === '' ? path : `${prefix} (${path})`}: must be a mapping of settings`)
      return
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : ''
      const at = prefix === '' ? name : `${prefix}.${name}`
      const start = isScalar(key) ? key.range?.[0] : undefined
      const origin = start === undefined ? path : `${path}:${lines.linePos(start).line}`
      const setting = settings.find((one) => one.path === at)
      if (setting !== undefined) {
        const plain: unknown = isNode(value) ? value.toJS(document) : value
        if (plain !== null)
          given.set(at, { value: located(setting, listed(at, plain), dirname(path)), origin, source: 'file' })
      } else if (settings.some((one) => one.path.startsWith(`${at}.`))) visit(value, at)
      else {
        const meant = nearest(
          at,
          settings.map((one) => one.path),
        )
        problems.push(
          `${at} (${origin}): there is no such setting${meant === undefined ? '' : `; did you mean ${meant}?`}`,
        )
      }
    }
  }
  visit(document.contents, '')
  return { given, problems }
}

/** `tenants: [acme]` is short for `tenants: [{id: acme}]`. */
const listed = (path: string, value: unknown): unknown =>
  path === 'tenants' && Array.isArray(value)
    ? value.map((item: unknown) => (typeof item === 'string' ? { id: item } : item))
    : value
