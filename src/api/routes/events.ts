/** POST /events/{stream}: appends events to the log. */
import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import { callerOf, mayOmitTenant } from '../http/auth.js'
import { answer, batchOf, resultsOf } from '../http/batch.js'
import { streamOf, type ApiContext } from '../http/context.js'
import { isRejected } from '../../contracts/scoring.js'
import { json, refusals } from '../http/shapes.js'
import { checkedByEngine } from '../http/validate.js'

const IngestAnswer = Type.Object(
  {
    accepted: Type.Integer(),
    rejected: Type.Integer(),
    results: Type.Array(Type.Union([Type.Ref('Acknowledged'), Type.Ref('Rejected')])),
  },
  { description: 'In the order of the events.' },
)
const EventBody = Type.Unsafe<unknown>({ description: 'One event, a list of events, or {"events": [...]}.' })
const Binary = Type.Unsafe<unknown>({ type: 'string', contentMediaType: 'avro/binary' })

const schema = {
  operationId: 'postEvents',
  tags: ['scoring'],
  summary: 'Send events to a stream',
  description:
    'An acknowledged event is on disk. Sending is idempotent: the engine acknowledges a repeated event_id again and ' +
    'scores it once. It takes the good events of a batch and answers 207 with the reasons for the bad ones. ' +
    `${mayOmitTenant} Scores follow at \`GET /api/v2/predictions/{event_id}\` and on the ` +
    "stream's predictions topic. The body of any request may have `Content-Encoding: gzip`, `deflate` or `br`.",
  params: Type.Object({ stream: Type.String({ description: 'Name of the stream.' }) }),
  body: {
    content: {
      'application/json': { schema: EventBody },
      'application/x-ndjson': { schema: Type.Unsafe<unknown>({ type: 'string', description: 'One event per line.' }) },
      'avro/binary': { schema: Binary },
      'application/avro': { schema: Binary },
    },
  },
  response: {
    200: json(
      'For one event its position; for several, one result each.',
      Type.Union([Type.Ref('Acknowledged'), IngestAnswer]),
    ),
    207: json('The engine took some events; the other results contain the reason.', IngestAnswer),
    ...refusals(400, 404, 413, 415, 422, 507),
  },
}

export function eventRoutes(app: FastifyInstance, context: ApiContext): void {
  app.post<{ Params: { stream: string } }>(
    '/events/:stream',
    { schema, config: { scope: 'events:write' }, validatorCompiler: checkedByEngine },
    async (request, reply) => {
      const { scoring } = context.ports
      const stream = streamOf(context, request.params.stream)
      const caller = callerOf(request)
      const body = Buffer.isBuffer(request.body) ? scoring.decodeAvro(stream.name, request.body) : request.body
      const batch = batchOf(body, stream, caller, context)
      const results = await resultsOf(batch, (events) => scoring.ingest(stream.name, events, caller))
      context.metrics.events('ingest', stream.name, results)
      return answer(reply, batch.shape, results, (all) => {
        const rejected = all.filter(isRejected).length
        return { accepted: all.length - rejected, rejected, results: all }
      })
    },
  )
}
