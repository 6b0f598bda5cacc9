/** The OpenAPI 3.1 document at /openapi.json, built from the schemas of routes and streams, and its page at /docs. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../../base/clock.js'
import { exampleOf, jsonSchemaOf } from './event-schema.js'
import type { StreamView } from '../../contracts/streams.js'
import { sharedShapes } from './shapes.js'

const info = {
  title: 'Tidemill',
  description:
    'Real-time scores of events: send events, request scores, read predictions and features, report outcomes. ' +
    'Errors are RFC 9457 problem details.',
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
}

const tags = [
  { name: 'scoring', description: 'Send events and get scores.' },
  { name: 'predictions', description: 'Read predictions and features, report outcomes.' },
  { name: 'dead letters', description: 'Find, redrive and purge records that could not be scored.' },
  { name: 'streams', description: 'List the streams.' },
  { name: 'warehouse', description: 'Query the warehouse.' },
  { name: 'backtests', description: 'Store the results of backtests.' },
  { name: 'replays', description: 'Start, apply, undo and list replays.' },
  { name: 'partitions', description: 'List stopped partitions and resume them.' },
  { name: 'tenants', description: 'List, add and remove tenants.' },
  { name: 'keys', description: 'Create, list and withdraw keys.' },
  { name: 'backups', description: "Run the engine's part of a backup." },
  { name: 'health', description: 'Health and metrics.' },
]

/** The parts of the generated document that `describeStreams` fills in. */
interface Document {
  readonly components: { readonly schemas: Record<string, unknown> }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}
interface Operation {
  readonly parameters: readonly { readonly name: string; schema: unknown }[]
  readonly requestBody: { readonly content: Record<string, { schema: unknown; examples?: unknown }> }
}

export interface OpenApiParts {
  readonly version: string
  readonly streams: () => readonly StreamView[]
  readonly clock: Clock
}

/** Registers the document. Must be called before the routes are added, because it collects their schemas. */
export async function openApi(app: FastifyInstance, { version, streams, clock }: OpenApiParts): Promise<void> {
  for (const shape of sharedShapes) app.addSchema(shape)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { ...info, version },
      tags,
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: '`tidemill keys create` creates a key.' },
        },
      },
      security: [{ key: [] }],
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, at) => (typeof json.$id === 'string' ? json.$id : `shape-${at}`),
    },
    transformObject: (document) => {
      const { openapiObject } = document as unknown as { openapiObject: Document }
      describeStreams(openapiObject, streams(), clock.nowMs())
      return openapiObject
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, uiConfig: { persistAuthorization: false } })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
}

/** Lists the streams in the paths, and adds event schemas and one example per stream to the bodies. */
function describeStreams(document: Document, streams: readonly StreamView[], nowMs: number): void {
  const names = streams.map((stream) => stream.name)
  for (const path of [
    '/api/v2/events/{stream}',
    '/api/v2/predict/{stream}',
    '/api/v2/features/{stream}/{entity}/{id}',
  ]) {
    for (const operation of Object.values(document.paths[path] ?? {})) {
      const parameter = operation.parameters.find((one) => one.name === 'stream')
      if (parameter) parameter.schema = { type: 'string', enum: names }
    }
  }
  describeBody(document, '/api/v2/events/{stream}', 'Event', streams, nowMs, ({ columns }) => [columns.tenant])
  describeBody(document, '/api/v2/predict/{stream}', 'Question', streams, nowMs, ({ columns }) => [
    columns.tenant,
    columns.id,
    columns.time,
  ])
  const outcome = document.paths['/api/v2/outcomes']?.['post']?.requestBody.content['application/json']
  if (outcome && names[0] !== undefined)
    outcome.examples = { [names[0]]: { value: { stream: names[0], event_id: 'event-1', label: 1, source: 'review' } } }
}

function describeBody(
  document: Document,
  path: string,
  prefix: string,
  streams: readonly StreamView[],
  nowMs: number,
  optional: (stream: StreamView) => readonly string[],
): void {
  for (const stream of streams)
    document.components.schemas[`${prefix}.${stream.name}`] = jsonSchemaOf(stream.schema, optional(stream))
  const event = { anyOf: streams.map((stream) => ({ $ref: `#/components/schemas/${prefix}.${stream.name}` })) }
  const many = { type: 'array', items: event }
  const content = document.paths[path]?.['post']?.requestBody.content['application/json']
  if (!content) return
  content.schema = { anyOf: [event, many, { type: 'object', required: ['events'], properties: { events: many } }] }
  content.examples = Object.fromEntries(
    streams.map((stream) => [stream.name, { value: exampleOf(stream.schema, nowMs, [stream.columns.tenant]) }]),
  )
}
