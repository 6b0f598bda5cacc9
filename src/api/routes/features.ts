/** GET /features/{stream}/{entity}/{id}: the features of one entity. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { tenantOf } from '../http/auth.js'
import { streamOf, type ApiContext } from '../http/context.js'
import type { StreamView } from '../../contracts/streams.js'
import { Refusal } from '../http/problems.js'
import { json, refusals, Time } from '../http/shapes.js'
import { isoOf, timeOf } from '../http/times.js'

const Params = Type.Object({
  stream: Type.String({ description: 'Name of the stream.' }),
  entity: Type.String({ description: 'Name of the entity in that stream: person, device ...' }),
  id: Type.String({
    description:
      'Its id. An entity of several columns has a part per column, separated by commas; write a comma in a ' +
      'part as %2C.',
  }),
})
const Query = Type.Object(
  {
    tenant: Type.Optional(
      Type.String({ minLength: 1, description: 'Required with an operator key where the engine has several tenants.' }),
    ),
    at: Type.Optional({
      ...Time,
      description: 'End of the windows: ISO 8601 with a zone, a date, or epoch milliseconds; now when absent.',
    }),
  },
  { additionalProperties: false },
)
const Answer = Type.Object({
  stream: Type.String(),
  entity: Type.String(),
  id: Type.Array(Type.String(), { description: "In the order of the entity's columns." }),
  tenant: Type.String(),
  at: Type.String({ format: 'date-time' }),
  features: Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()]), {
    description: 'By name; null for a feature without a value.',
  }),
  split: Type.Optional(
    Type.Array(Type.Integer(), {
      description:
        'The partitions that hold a part of the history, where there are several because producers chose partitions ' +
        'in different ways. The features are those of the first one.',
    }),
  ),
})
const schema = {
  operationId: 'getFeatures',
  tags: ['predictions'],
  summary: 'Get the features of one entity',
  description:
    'Reads the committed state, which is at most one commit interval behind. Omits features that need an event.',
  params: Params,
  querystring: Query,
  response: { 200: json('The features as of `at`.', Answer), ...refusals(400, 404) },
}

export function featureRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Params: Static<typeof Params>; Querystring: Static<typeof Query> }>(
    '/features/:stream/:entity/:id',
    { schema, config: { scope: 'read' } },
    async (request): Promise<Static<typeof Answer>> => {
      const { query, params } = request
      const stream = streamOf(context, params.stream)
      const ids = idsOf(stream, params.entity, params.id, request.url)
      const tenant = tenantOf(request, query.tenant) ?? context.defaultTenant
      if (tenant === undefined)
        throw new Refusal('BAD_QUERY', 'Name the tenant.', {
          errors: [{ field: 'tenant', message: 'is required with an operator key' }],
        })
      const atMs = query.at === undefined ? undefined : timeOf('at', query.at)
      const found = await context.ports.scoring.features(stream.name, params.entity, tenant, ids, atMs)
      if (!found) throw new Refusal('NOT_FOUND', `The state contains no ${params.entity} of this tenant with this id.`)
      return {
        stream: stream.name,
        entity: params.entity,
        id: ids,
        tenant,
        at: isoOf(found.atMs),
        features: numbersOf(found.values),
        ...(found.split === undefined ? {} : { split: [...found.split] }),
      }
    },
  )
}

/** The parts of an id, from the undecoded path: after decoding, a comma in a part looks like a separator. */
function idsOf(stream: StreamView, name: string, id: string, url: string): string[] {
  const entity = stream.entities.find((known) => known.name === name)
  if (!entity)
    throw new Refusal(
      'UNKNOWN_ENTITY',
      `Stream ${stream.name} has no entity '${name.slice(0, 100)}'; its entities are ` +
        `${stream.entities.map((known) => known.name).join(', ')}.`,
    )
  if (entity.columns.length === 1) return [id]
  const path = url.split('?', 1)[0]!.replace(/\/$/, '')
  const parts = path
    .slice(path.lastIndexOf('/') + 1)
    .split(',')
    .map(decodeURIComponent)
  if (parts.length === entity.columns.length) return parts
  throw new Refusal(
    'BAD_REQUEST',
    `The id of ${name} has ${entity.columns.length} parts, separated by commas: ${entity.columns.join(',')}.`,
  )
}

/** JSON has no NaN: it becomes null. */
const numbersOf = (values: Readonly<Record<string, number>>): Record<string, number | null> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : null]))
