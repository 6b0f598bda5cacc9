/** POST /predict/{stream}: the score of events that are not (yet) in the log. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import { callerOf } from '../http/auth.js'
import { answer, batchOf, resultsOf, type Complete, type Shape } from '../http/batch.js'
import { streamOf, type ApiContext } from '../http/context.js'
import type { StreamView } from '../../contracts/streams.js'
import { json, refusals } from '../http/shapes.js'
import { checkedByEngine } from '../http/validate.js'

const Results = Type.Array(Type.Union([Type.Ref('Predicted'), Type.Ref('Rejected')]))
const PredictAnswer = Type.Union([Results, Type.Object({ predictions: Results })])

const schema = {
  operationId: 'predict',
  tags: ['scoring'],
  summary: 'Score events now',
  description:
    'Features come from the present state and the request. The event is not folded into the state; the ' +
    'prediction is logged. `event_id` and the event time may be left out ' +
    "(a new id, now), the tenant too with a tenant's key. The answer mirrors the body: one event, one " +
    'prediction; a list, a list; {"events": [...]}, {"predictions": [...]}.',
  params: Type.Object({ stream: Type.String({ description: 'Name of the stream.' }) }),
  querystring: Type.Object({
    durable: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Answer only when the prediction is on disk; else it is logged right after the answer.',
      }),
    ),
  }),
  body: Type.Unsafe<unknown>({ description: 'One event, a list of events, or {"events": [...]}.' }),
  response: {
    200: json('The scores, in the order of the events.', Type.Union([Type.Ref('Predicted'), PredictAnswer])),
    207: json('Some events were scored, the others say why not.', PredictAnswer),
    ...refusals(400, 404, 413, 415, 422, 507),
  },
}

/** Fills in the id and the time of an event that has none. */
export const completeAt =
  ({ columns }: StreamView, nowMs: number): Complete =>
  (event) => {
    event[columns.id] ??= `api-${randomUUID()}`
    event[columns.time] ??= nowMs
  }

const wrap =
  (shape: Shape) =>
  (results: readonly object[]): object =>
    shape === 'list' ? results : { predictions: results }

export function predictRoutes(app: FastifyInstance, context: ApiContext): void {
  app.post<{ Params: { stream: string }; Querystring: { durable?: boolean } }>(
    '/predict/:stream',
    { schema, config: { scope: 'predict' }, validatorCompiler: checkedByEngine },
    async (request, reply) => {
      const stream = streamOf(context, request.params.stream)
      const caller = callerOf(request)
      const batch = batchOf(request.body, stream, caller, completeAt(stream, context.clock.nowMs()))
      const results = await resultsOf(batch, (events) =>
        context.ports.scoring.predict(stream.name, events, caller, request.query.durable),
      )
      context.metrics.events('predict', stream.name, results)
      return answer(reply, batch.shape, results, wrap(batch.shape))
    },
  )
}
