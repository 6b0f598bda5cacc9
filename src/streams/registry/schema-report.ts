import { isEngineError, messageOf } from '../../base/errors.js'
import { avroNode } from '../schema/avro-node.js'
import { readerSchema, resolve } from '../schema/resolution.js'
import { subjectOf, type RegisteredSchema, type SchemaSubjects } from '../codec/schema-source.js'
import type { Stream } from '../stream.js'

/** A version of a subject, without its text. */
export type SchemaVersion = Pick<RegisteredSchema, 'id' | 'version'>

/** The state of a stream's schema in a registry. */
export interface SchemaState {
  readonly stream: string
  readonly subject: string
  /** The record's name, with its namespace. */
  readonly schema: string
  /** The version with exactly this schema; null when it is not registered. */
  readonly registered: SchemaVersion | null
  readonly latest: SchemaVersion | null
}

/** Whether a stream's schema could be the next version of its subject. */
export interface SchemaCheck extends SchemaState {
  readonly compatible: boolean
  /** The registry's compatibility level: BACKWARD, FULL, NONE ... */
  readonly level: string
  /** The reasons of an incompatibility, each with its field if there is one. */
  readonly problems: readonly string[]
}

export interface SchemaRegistration extends SchemaCheck {
  /** `kept`: it was registered already. `refused`: see `problems`. */
  readonly result: 'registered' | 'kept' | 'refused'
}

/** Reads the state of a stream's schema. Throws REGISTRY_DOWN, like the functions below. */
export async function schemaState(stream: Stream, subjects: SchemaSubjects): Promise<SchemaState> {
  return (await stateAndLatest(stream, subjects)).state
}

/**
 * Makes two checks. The registry's, by the level of the subject: may this schema follow the latest version? And the
 * engine's own, at every level: can events of the latest version be read with this schema?
 */
export async function checkSchema(stream: Stream, subjects: SchemaSubjects): Promise<SchemaCheck> {
  const { state, latest } = await stateAndLatest(stream, subjects)
  const { compatible, level, reasons } = await subjects.judge(state.subject, stream.schema)
  const unreadable = latest === undefined ? undefined : unreadableAs(stream, latest)
  const refusal = compatible
    ? []
    : reasons.length > 0
      ? reasons
      : [`the registry finds it incompatible with version ${latest?.version ?? '-'} at level ${level}`]
  const problems = [...(unreadable === undefined ? [] : [unreadable]), ...refusal]
  return { ...state, compatible: problems.length === 0, level, problems }
}

/** Registers a schema that passes its check. A repetition changes nothing. */
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
  return { ...check, ...(await schemaState(stream, subjects)), result: 'registered' }
}

async function stateAndLatest(
  stream: Stream,
  subjects: SchemaSubjects,
): Promise<{ readonly state: SchemaState; readonly latest: RegisteredSchema | undefined }> {
  const subject = subjectOf(stream)
  const [latest, registered] = [await subjects.latest(subject), await subjects.find(subject, stream.schema)]
  const { name, namespace } = stream.schema
  return {
    state: {
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

/** Why no event of a registered version can be read with the stream's schema; undefined when they can. */
function unreadableAs(stream: Stream, { version, text }: RegisteredSchema): string | undefined {
  try {
    const read = resolve(readerSchema(stream.schema), avroNode(JSON.parse(text)), `version ${version}`)
    return typeof read === 'function' ? undefined : `events of version ${version} cannot be read with it: ${read.why}`
  } catch (error) {
    return `version ${version} is not a readable Avro schema: ${messageOf(error)}`
  }
}
