import type { Duration } from '../../features/feature.js'
import { durationMs } from './duration.js'

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

/** What a definition cannot do without, each with its check and its description. */
const needed: readonly (readonly [name: string, fits: (value: unknown) => boolean, what: string])[] = [
  ['name', isText, "the name of the stream, such as 'door-access'"],
  ['schema', (value) => isObject(value) && 'record' in (value as object), 'an Avro schema, read with avsc(...)'],
  ['id', isText, "the column of the event's id"],
  ['time', isText, "the column of the event's time"],
  ['tenant', isText, 'the column of the tenant'],
  ['entities', isObject, "an object such as { person: 'person_id' }"],
  ['features', isObject, "an object such as { visits_1h: count('1h', { by: 'person' }) }"],
  ['heuristic', (value) => typeof value === 'function', 'a function from features to a score from 0 to 1'],
  ['risk', isObject, 'two levels, such as { high: 0.8, medium: 0.5 }'],
  ['outcome', isObject, "such as { matureAfter: '14d', silenceMeans: 'unknown' }"],
]

/** The members of a definition that are absent or of another type: nothing else can be checked without them. */
export function absentMembers(definition: object): readonly string[] {
  const members = definition as Readonly<Record<string, unknown>>
  const parts = (name: string): readonly (readonly [string, unknown])[] =>
    isObject(members[name]) ? Object.entries(members[name] as object) : []
  return [
    ...needed
      .filter(([name, fits]) => !fits(members[name]))
      .map(([name, , what]) => `${name}: ${members[name] === undefined ? 'is missing' : 'is not valid'}; give ${what}`),
    ...parts('entities')
      .filter(([, entity]) => !isText(entity) && !isObject(entity))
      .map(([name]) => `entities.${name}: must be a column, a list of columns, or { columns, scope }`),
    ...parts('features')
      .filter(([, feature]) => !isObject(feature))
      .map(([name]) => `features.${name}: must be a feature, such as count('1h', { by: 'person' })`),
  ]
}

/** The settings of a definition that are no durations, with what is written there. */
export function durationProblems(definition: {
  readonly lateness?: Duration
  readonly retention?: Duration
  readonly outcome: { readonly matureAfter: Duration }
}): readonly string[] {
  const written = {
    lateness: definition.lateness,
    retention: definition.retention,
    'outcome.matureAfter': definition.outcome.matureAfter as Duration | undefined,
  }
  return Object.entries(written)
    .filter(([field, value]) => (value === undefined ? field.includes('.') : Number.isNaN(durationMs(value))))
    .map(([field, value]) => `${field}: '${String(value)}' must be a duration such as '90s', '30m', '12h' or '14d'`)
}
