/** GET /partitions and POST /partitions/accept: stopped partitions; operator keys only. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { callerOf } from '../http/auth.js'
import type { ApiContext } from '../http/context.js'
import type { AcceptedStop } from '../../contracts/partitions.js'
import { json, nullable, refusals } from '../http/shapes.js'

const Instant = Type.String({ format: 'date-time' })
const place = {
  reader: Type.String({ description: '`scoring`, or `warehouse` and the table that it fills.' }),
  topic: Type.String(),
  partition: Type.Integer(),
  code: Type.String(),
}
const Lost = Type.Object({ topic: Type.String(), from: Type.Integer(), to: Type.Integer() })
const Stopped = Type.Object({ ...place, message: Type.String(), lost: nullable(Lost), since: Instant })
const Rebuilding = Type.Object({
  stream: Type.String(),
  partition: Type.Integer(),
  records_done: Type.Integer(),
  records: Type.Integer(),
  eta_seconds: nullable(Type.Number()),
})
const Accepted = Type.Object({
  ...place,
  lost: Lost,
  by: Type.String({ description: 'Id of the key that accepted.' }),
  why: Type.String(),
  at: Instant,
})

const Body = Type.Object(
  {
    topic: Type.String({ minLength: 1, maxLength: 249 }),
    partition: Type.Integer({ minimum: 0 }),
    code: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 40,
        description: 'Accepts only the stop with this code; every stop of the partition when absent.',
      }),
    ),
    why: Type.String({ minLength: 3, maxLength: 1_000, description: 'The reason, stored with the accept.' }),
  },
  {
    additionalProperties: false,
    examples: [
      {
        topic: 'attendance',
        partition: 2,
        code: 'GAP',
        why: 'The disk was full over the weekend; the gates have printed lists of it.',
      },
    ],
  },
)

const tags = ['partitions']
const listSchema = {
  operationId: 'listPartitions',
  tags,
  summary: 'List partitions that are stopped or being rebuilt',
  description:
    'Lists the partitions that are stopped in any process, those that this process rebuilds, and the stops that ' +
    'operators accepted. Needs an operator key.',
  response: {
    200: json(
      'The current state.',
      Type.Object({ stopped: Type.Array(Stopped), rebuilding: Type.Array(Rebuilding), accepted: Type.Array(Accepted) }),
    ),
    ...refusals(),
  },
}
const acceptSchema = {
  operationId: 'acceptPartition',
  tags,
  summary: 'Resume a stopped partition',
  description:
    'Accepts the loss of the offsets that the current stops of the partition list, and of no others: another gap ' +
    'stops the partition again. The control topic keeps the accept. Needs an operator key.',
  body: Body,
  response: {
    200: json('The accepted stops; the partition resumes.', Type.Object({ accepted: Type.Array(Accepted) })),
    ...refusals(400, 413, 415, 422, 507),
  },
}

export function partitionRoutes(app: FastifyInstance, { ports }: ApiContext): void {
  app.get('/partitions', { schema: listSchema, config: { scope: 'read', operator: true } }, async () => {
    const { stopped, rebuilding, accepted } = ports.partitions.list()
    return {
      stopped: stopped.map(({ sinceMs, ...stop }) => ({ ...stop, since: new Date(sinceMs).toISOString() })),
      rebuilding: rebuilding.map(({ stream, partition, recordsDone, records, etaMs }) => ({
        stream,
        partition,
        records_done: recordsDone,
        records,
        eta_seconds: etaMs === undefined ? null : Math.ceil(etaMs / 1_000),
      })),
      accepted: accepted.map(shownAccept),
    }
  })

  app.post<{ Body: Static<typeof Body> }>(
    '/partitions/accept',
    { schema: acceptSchema, config: { scope: 'admin', operator: true } },
    async (request) => {
      const { topic, partition, code, why } = request.body
      const accepted = await ports.partitions.accept(
        { topic, partition, ...(code !== undefined && { code }) },
        callerOf(request).key,
        why,
      )
      return { accepted: accepted.map(shownAccept) }
    },
  )
}

const shownAccept = ({ atMs, ...accept }: AcceptedStop) => ({ ...accept, at: new Date(atMs).toISOString() })
