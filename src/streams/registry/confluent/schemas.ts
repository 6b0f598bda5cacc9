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
 * Fetches the schema with an id, including the schemas that it refers to. Throws REGISTRY_DOWN when the registry cannot
 * answer now.
 *
 * The library sends the requests and parses the schemas. Each schema gets its own client, because a client keeps every
 * schema for ever, and after a connection breaks within an answer it waits for ever, as does every later request for
 * the same id. The library also accepts any page as a schema, so the answer is checked here first.
 */
export async function fetchSchema(http: RegistryHttp, clock: Clock, id: number): Promise<WriterSchema> {
  // Loading takes 0.1 s, so only engines with a registry load it.
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
    if (status === 404) return checkAgain(http, clock, id)
    // The library reports a failed connection as status 400.
    throw down(
      status === undefined || status === 400
        ? `does not answer: ${messageOf(error).replace(/^.*, status 400: /, '')}`
        : failure(status, `GET /schemas/ids/${id}`),
      error,
    )
  }
}

type Fetched = Awaited<ReturnType<SchemaRegistry['getSchema']>>

/** The canonical form is sufficient for reading: a writer's defaults and aliases have no effect. */
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
 * A record becomes a dead letter only when the registry answers twice, as a registry, that the id is unknown: a wrong
 * path gives a 404 too, and a replica may get a new schema a moment later than its producer.
 */
async function checkAgain(http: RegistryHttp, clock: Clock, id: number): Promise<WriterSchema> {
  await clock.sleep(limits.registrySecondCheckMs)
  const { status } = await http.ask('GET', `/schemas/ids/${id}`)
  if (status === 404) return { kind: 'unknown' }
  throw new EngineError('REGISTRY_DOWN', `the schema registry at ${http.place} received schema id ${id} only now`)
}
