import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../base/clock.js'
import { EngineError } from '../../../base/errors.js'
import { limits } from '../../../base/limits.js'
import { registryHttp, type Answer, type RegistryAccess, type RegistryHttp } from './http.js'
import { fetchSchema } from './schemas.js'
import type { RegisteredSchema, SchemaSource, SchemaSubjects, WriterSchema } from '../../codec/schema-source.js'
import type { AvroRecord } from '../../../contracts/streams.js'

export interface SchemaRegistryOptions extends RegistryAccess {
  readonly clock: Clock
}

/**
 * A registry with the API of Confluent's: Confluent's own, Apicurio (`/apis/ccompat/v7`), Karapace, Redpanda's.
 */
export interface SchemaRegistry extends SchemaSource, SchemaSubjects {
  /** Its URL without credentials. */
  readonly place: string
  /** Closes idle connections. */
  close(): void
}

/** Sends nothing yet, so an unreachable registry does not delay the start. Throws BAD_CONFIG for an invalid URL. */
export function openSchemaRegistry(options: SchemaRegistryOptions): SchemaRegistry {
  const http = registryHttp(options)
  return {
    place: http.place,
    resolve: resolverOf(http, options.clock),
    ...subjectsOf(http),
    close: () => http.agent.destroy(),
  }
}

interface Kept {
  readonly schema: WriterSchema
  /** An unknown id may be registered later; a schema never changes. */
  readonly untilMs: number
}

function resolverOf(http: RegistryHttp, clock: Clock): SchemaSource['resolve'] {
  const kept = new LRUCache<number, Kept>({ max: limits.cachedSchemas })
  const asked = new Map<number, Promise<WriterSchema>>()
  const fetched = async (id: number): Promise<WriterSchema> => {
    try {
      const schema = await fetchSchema(http, clock, id)
      kept.set(id, { schema, untilMs: schema.kind === 'unknown' ? clock.nowMs() + limits.unknownSchemaMs : Infinity })
      return schema
    } finally {
      asked.delete(id)
    }
  }
  /** Partitions that need an id at the same time share one request. */
  const schemaOf = async (id: number): Promise<WriterSchema> => {
    const known = kept.get(id)
    if (known !== undefined && clock.nowMs() < known.untilMs) return known.schema
    const asking = asked.get(id) ?? fetched(id)
    asked.set(id, asking)
    return asking
  }
  return async (ids) => {
    const found = new Map<number, WriterSchema>()
    const waiting = [...ids]
    const lane = async (): Promise<void> => {
      for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) found.set(id, await schemaOf(id))
    }
    try {
      await Promise.all(Array.from({ length: limits.registryRequests }, lane))
    } finally {
      // After one failure the other ids are not requested: the caller retries with all of them.
      waiting.length = 0
    }
    return found
  }
}

function subjectsOf(http: RegistryHttp): SchemaSubjects {
  const subjectPath = (subject: string): string => `/subjects/${encodeURIComponent(subject)}`
  const bodyOf = (schema: AvroRecord): object => ({ schema: JSON.stringify(schema) })
  const levelOf = async (subject: string): Promise<string> => {
    const own = await http.ask('GET', `/config/${encodeURIComponent(subject)}`)
    const { body } = own.status === 404 ? await http.ask('GET', '/config') : own
    return textOf(body['compatibilityLevel'], 'unknown').toUpperCase()
  }
  return {
    async latest(subject) {
      return registered(await http.ask('GET', `${subjectPath(subject)}/versions/latest`))
    },
    async find(subject, schema) {
      return registered(await http.ask('POST', subjectPath(subject), bodyOf(schema)))
    },
    async judge(subject, schema) {
      const { status, body } = await http.ask(
        'POST',
        `/compatibility${subjectPath(subject)}/versions/latest?verbose=true`,
        bodyOf(schema),
      )
      const level = await levelOf(subject)
      // 404: there is no version to compare with. 422: the registry does not accept such a schema at all.
      if (status === 422) return { compatible: false, level, reasons: [reasonOf(body)] }
      return { compatible: status === 404 || body['is_compatible'] === true, level, reasons: textsOf(body['messages']) }
    },
    async register(subject, schema) {
      const { status, body } = await http.ask('POST', `${subjectPath(subject)}/versions`, bodyOf(schema))
      if (status !== 200 || typeof body['id'] !== 'number')
        throw new EngineError(
          'SCHEMA_MISMATCH',
          `the registry refuses the schema for subject '${subject}': ${reasonOf(body)}`,
        )
      return body['id']
    },
  }
}

function registered({ status, body }: Answer): RegisteredSchema | undefined {
  return status === 200
    ? { id: Number(body['id']), version: Number(body['version']), text: textOf(body['schema'], '', Infinity) }
    : undefined
}

const mostCharacters = 500

const textOf = (value: unknown, otherwise: string, most = mostCharacters): string =>
  (typeof value === 'string' ? value : otherwise).slice(0, most)

const reasonOf = (body: Answer['body']): string => textOf(body['message'], 'the registry gives no reason')

const textsOf = (messages: unknown): readonly string[] =>
  Array.isArray(messages) ? messages.map((one: unknown) => textOf(one, JSON.stringify(one))) : []
