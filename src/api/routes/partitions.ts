/** GET /partitions and POST /partitions/accept: partitions that stand still, for the operator alone. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { callerOf } from '../http/auth.js'
import type { ApiContext } from '../http/context.js'
import type { AcceptedStop } from '../../contracts/partitions.js'
import { json, nullable, refusals } from '../http/shapes.js'

const Instant = Type.String({ format: 'date-time' })
const place = {
  reader: Type.String({ description: 'scoring, or warehouse and the table that is filled.' }),
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
  by: Type.String({ description: 'Id of the key.' }),
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
        description: 'Only a stop with this code; every one of the partition when absent.',
      }),
    ),
    why: Type.String({ minLength: 3, maxLength: 1_000, description: 'Kept with the accept, for whoever asks later.' }),
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
  summary: 'Partitions that stand still or are rebuilt',
  description:
    'What is stopped in any process, what this process rebuilds, and what operators have accepted. An ' +
    'operator key is needed.',
  response: {
    200: json(
      'As of now.',
      Type.Object({ stopped: Type.Array(Stopped), rebuilding: Type.Array(Rebuilding), accepted: Type.Array(Accepted) }),
    ),
    ...refusals(),
  },
}
const acceptSchema = {
  operationId: 'acceptPartition',
  tags,
  summary: 'Let a stopped partition go on',
  description:
    'Accepts what the present stops of the partition give up, and nothing else: another gap stops it again. ' +
    'Kept in the control topic. An operator key is needed.',
  body: Body,
  response: {
    200: json('What was accepted; the partition goes on.', Type.Object({ accepted: Type.Array(Accepted) })),
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
