import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import type avro from 'avsc'
import type { Clock } from '../../../base/clock.js'
import { EngineError, isEngineError, messageOf } from '../../../base/errors.js'
import { limits } from '../../../base/limits.js'
import { failure, type RegistryHttp } from './http.js'
import type { WriterSchema } from '../../codec/schema-source.js'
import type { AvroRecord } from '../../../contracts/streams.js'

type Middleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number]

/**
 * Fetches the schema under an id, what it refers to included. Throws REGISTRY_DOWN where that cannot be said now.
 *
 * The library does the talking and the parsing, in a client of its own for each schema: it keeps every schema that it
 * saw for ever, and of a connection that was cut within an answer it waits for the rest for ever, and so would
 * everybody after it who asks for the same id. It also takes any page for a schema, which is checked here first.
 */
export async function fetchSchema(http: RegistryHttp, clock: Clock, id: number): Promise<WriterSchema> {
  // Loading it takes 0.1 s: engines without a registry do not.
  const { SchemaRegistry } = await import('@kafkajs/confluent-schema-registry')
  const down = (what: string, cause?: unknown): EngineError =>
    new EngineError('REGISTRY_DOWN', `the schema registry at ${http.place} ${what}`, { cause })
  const signal = AbortSignal.timeout(http.timeoutMs)
  const late = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(down(`did not answer within ${http.timeoutMs} ms`)), { once: true }),
  )
  late.catch(() => undefined)
  const guarded: Middleware = () => ({
    prepareRequest: async (next) =>
      (await next()).enhance({
        timeout: http.timeoutMs,
        signal,
        headers: http.authorization === undefined ? {} : { authorization: http.authorization },
      }),
    response: async (next) => {
      const response = await next()
      if (typeof response.data<{ schema?: unknown } | undefined>()?.schema !== 'string')
        throw down(failure(response.status(), `GET /schemas/ids/${id}`))
      return response
    },
  })
  const registry = new SchemaRegistry({
    host: http.place,
    agent: http.agent,
    retry: { retries: 0 },
    middlewares: [guarded],
  })
  try {
    return writerSchema(await Promise.race([registry.getSchema(id), late]))
  } catch (error) {
    if (isEngineError(error)) throw error
    const { name, status } = error as { name?: string; status?: number }
    if (name === 'ConfluentSchemaRegistryArgumentError') return { kind: 'unfit', why: messageOf(error) }
    if (status === 404) return secondLook(http, clock, id)
    // The library's word for a connection that failed is the status 400.
    throw down(
      status === undefined || status === 400
        ? `does not answer: ${messageOf(error).replace(/^.*, status 400: /, '')}`
        : failure(status, `GET /schemas/ids/${id}`),
      error,
    )
  }
}

type Fetched = Awaited<ReturnType<SchemaRegistry['getSchema']>>

/** The canonical form is enough to read with: a writer's defaults and aliases do not count. */
function writerSchema(fetched: Fetched): WriterSchema {
  const exported: unknown = 'typeName' in fetched ? (fetched as avro.Type).schema() : undefined
  const isRecord = typeof exported === 'object' && exported !== null && 'type' in exported && exported.type === 'record'
  return isRecord
    ? { kind: 'avro', record: exported as AvroRecord }
    : {
        kind: 'unfit',
        why:
          exported === undefined
            ? 'it is a JSON or Protobuf schema'
            : `it is ${JSON.stringify(exported).slice(0, 100)}`,
      }
}

/**
 * A record is set aside only when the registry says in its own words, and says again, that it has no such id: a wrong
 * path gives a 404 too, and a replica learns of a new schema a moment after its producer did.
 */
async function secondLook(http: RegistryHttp, clock: Clock, id: number): Promise<WriterSchema> {
  await clock.sleep(limits.registrySecondCheckMs)
  const { status } = await http.ask('GET', `/schemas/ids/${id}`)
  if (status === 404) return { kind: 'unknown' }
  throw new EngineError('REGISTRY_DOWN', `the schema registry at ${http.place} has learned of schema id ${id} only now`)
}
