import { isEngineError, messageOf } from '../../base/errors.js'
import { avroType, mismatch } from '../schema/avro.js'
import { subjectOf, type RegisteredSchema, type SchemaSubjects } from '../codec/schema-source.js'
import type { Stream } from '../stream.js'
import type { AvroRecord } from '../../contracts/streams.js'

/** A version of a subject, without its text. */
export type SchemaVersion = Pick<RegisteredSchema, 'id' | 'version'>

/** Where a stream's schema stands in a registry. */
export interface SchemaStanding {
  readonly stream: string
  readonly subject: string
  /** The record's name, with its namespace. */
  readonly schema: string
  /** The version that is this very schema; null where it is not registered. */
  readonly registered: SchemaVersion | null
  readonly latest: SchemaVersion | null
}

/** Whether a stream's schema could be the next version of its subject. */
export interface SchemaCheck extends SchemaStanding {
  readonly compatible: boolean
  /** What the registry compares by: BACKWARD, FULL, NONE ... */
  readonly level: string
  /** Why not, each naming a field where it is about one. */
  readonly problems: readonly string[]
}

export interface SchemaRegistration extends SchemaCheck {
  /** `kept`: it was there already. `refused`: see `problems`. */
  readonly result: 'registered' | 'kept' | 'refused'
}

/** Throws REGISTRY_DOWN, as the others here. */
export async function standingOf(stream: Stream, subjects: SchemaSubjects): Promise<SchemaStanding> {
  return (await standing(stream, subjects)).standing
}

/**
 * Asks two questions. The registry's, by the level of the subject: may this follow the latest version? And the engine's
 * own, whatever the level is: can events of the latest version be read as this schema?
 */
export async function checkSchema(stream: Stream, subjects: SchemaSubjects): Promise<SchemaCheck> {
  const { standing: where, latest } = await standing(stream, subjects)
  const { compatible, level, reasons } = await subjects.judge(where.subject, stream.schema)
  const unreadable = latest === undefined ? undefined : unreadableAs(stream, latest)
  const refusal = compatible
    ? []
    : reasons.length > 0
      ? reasons
      : [`the registry finds it incompatible with version ${latest?.version ?? '-'} by level ${level}`]
  const problems = [...(unreadable === undefined ? [] : [unreadable]), ...refusal]
  return { ...where, compatible: problems.length === 0, level, problems }
}

/** Registers a schema that passes its check. Repeating it changes nothing. */
export async function registerSchema(stream: Stream, subjects: SchemaSubjects): Promise<SchemaRegistration> {
  const check = await checkSchema(stream, subjects)
  if (check.registered !== null) return { ...check, result: 'kept' }
  if (!check.compatible) return { ...check, result: 'refused' }
  try {
    await subjects.register(check.subject, stream.schema)
  } catch (error) {
    if (!isEngineError(error, 'SCHEMA_MISMATCH')) throw error
    return { ...check, compatible: false, problems: [error.message], result: 'refused' }
  }
  return { ...check, ...(await standingOf(stream, subjects)), result: 'registered' }
}

async function standing(
  stream: Stream,
  subjects: SchemaSubjects,
): Promise<{ readonly standing: SchemaStanding; readonly latest: RegisteredSchema | undefined }> {
  const subject = subjectOf(stream)
  const [latest, registered] = [await subjects.latest(subject), await subjects.find(subject, stream.schema)]
  const { name, namespace } = stream.schema
  return {
    standing: {
      stream: stream.name,
      subject,
      schema: namespace === undefined ? name : `${namespace}.${name}`,
      registered: versionOf(registered),
      latest: versionOf(latest),
    },
    latest,
  }
}

const versionOf = (schema: RegisteredSchema | undefined): SchemaVersion | null =>
  schema === undefined ? null : { id: schema.id, version: schema.version }

/** Why events of a registered version cannot be read as the stream's; undefined where they can. */
function unreadableAs(stream: Stream, { version, text }: RegisteredSchema): string | undefined {
  try {
    const found = mismatch(avroType(stream.schema), avroType(JSON.parse(text) as AvroRecord))
    return found === undefined ? undefined : `events of version ${version} cannot be read with it: ${found.why}`
  } catch (error) {
    return `version ${version} is no Avro schema that can be read: ${messageOf(error)}`
  }
}
