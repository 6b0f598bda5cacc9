import type { Clock } from '../../../base/clock.js'
import { EngineError, messageOf } from '../../../base/errors.js'
import { limits } from '../../../base/limits.js'
import { shown } from '../../../base/shown.js'
import { failure, type Answer, type RegistryHttp } from './http.js'
import type { WriterSchema } from '../../codec/schema-source.js'
import type { AvroRecord } from '../../../contracts/streams.js'

const mostId = 2 ** 31 - 1
/** Schemas that one schema may refer to, also indirectly. */
const mostReferences = 100

/**
 * Fetches the schema with an id as it was registered, and the schemas that it refers to: logical types and enum
 * defaults decide how values are read. Throws REGISTRY_DOWN when the registry cannot answer now.
 */
export async function fetchSchema(http: RegistryHttp, clock: Clock, id: number): Promise<WriterSchema> {
  // Ids are positive 32-bit integers. Bytes that are no Avro name others, to which registries answer differently.
  if (id > mostId) return { kind: 'unknown' }
  const path = `/schemas/ids/${id}`
  const answer = await http.ask('GET', path)
  if (answer.status !== 200) return checkAgain(http, clock, id)
  const body = schemaIn(http, answer, path)
  const { schemaType } = body
  if (schemaType !== undefined && schemaType !== 'AVRO') return unfit(kindNamed(schemaType))
  const references = new Map<string, unknown>()
  try {
    await fetchReferences(http, body, references)
    const schema: unknown = JSON.parse(body.schema)
    return isReadable(schema) ? avro(schema, [...references.values()]) : unfit(`it is ${shown(schema, 100)}`)
  } catch (error) {
    if (error instanceof SyntaxError) return unfit(`it is not JSON: ${messageOf(error).slice(0, 200)}`)
    if (error instanceof BadReference) return unfit(error.message)
    throw error
  }
}

const unfit = (why: string): WriterSchema => ({ kind: 'unfit', why })

const avro = (record: AvroRecord | readonly unknown[], references: readonly unknown[]): WriterSchema =>
  references.length === 0 ? { kind: 'avro', record } : { kind: 'avro', record, references }

const kindNamed = (schemaType: unknown): string =>
  schemaType === 'JSON' || schemaType === 'PROTOBUF'
    ? 'it is a JSON or Protobuf schema'
    : `the registry names an unknown kind of schema, ${shown(schemaType)}`

/** A topic with several types of events has a union of records. */
const isReadable = (schema: unknown): schema is AvroRecord | readonly unknown[] =>
  Array.isArray(schema) || isRecord(schema)

const isRecord = (schema: unknown): schema is AvroRecord =>
  typeof schema === 'object' &&
  schema !== null &&
  (schema as { type?: unknown }).type === 'record' &&
  typeof (schema as { name?: unknown }).name === 'string'

type SchemaBody = Answer['body'] & { readonly schema: string }

function schemaIn(http: RegistryHttp, { status, body }: Answer, path: string): SchemaBody {
  if (status === 200 && typeof body['schema'] === 'string') return body as SchemaBody
  throw new EngineError('REGISTRY_DOWN', `the schema registry at ${http.place} ${failure(status, `GET ${path}`)}`)
}

/** Adds the schemas that a schema refers to, each after those that it refers to itself. */
async function fetchReferences(http: RegistryHttp, { references }: SchemaBody, into: Map<string, unknown>) {
  for (const { subject, version } of Array.isArray(references) ? (references as readonly Reference[]) : []) {
    const path = `/subjects/${encodeURIComponent(String(subject))}/versions/${encodeURIComponent(String(version))}`
    if (into.has(path)) continue
    if (into.size >= mostReferences) throw new BadReference(`it refers to more than ${mostReferences} schemas`)
    const answer = await http.ask('GET', path)
    if (answer.status !== 200)
      throw new BadReference(`it refers to ${shown(subject)} version ${shown(version)}, which the registry lacks`)
    const body = schemaIn(http, answer, path)
    into.set(path, undefined)
    await fetchReferences(http, body, into)
    // A schema is used after those that it refers to, so it moves behind them.
    into.delete(path)
    into.set(path, JSON.parse(body.schema))
  }
}

/** A schema that no retry makes readable. */
class BadReference extends Error {}

interface Reference {
  readonly subject?: unknown
  readonly version?: unknown
}

/**
 * A record becomes a dead letter only when the registry answers twice, as a registry, that the id is unknown: a wrong
 * path gives a 404 too, and a replica may get a new schema a moment later than its producer.
 */
async function checkAgain(http: RegistryHttp, clock: Clock, id: number): Promise<WriterSchema> {
  await clock.sleep(limits.registrySecondCheckMs)
  const { status } = await http.ask('GET', `/schemas/ids/${id}`)
  if (status !== 200) return { kind: 'unknown' }
  throw new EngineError('REGISTRY_DOWN', `the schema registry at ${http.place} received schema id ${id} only now`)
}
