/** POST /predict/{stream}: scores events that are not (yet) in the log. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import { callerOf, mayOmitTenant } from '../http/auth.js'
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
    'Computes features from the current state and the request. Does not fold the event into the state, but logs the ' +
    'prediction. A request may omit `event_id` (default: a new id) and the event time (default: now). ' +
    `${mayOmitTenant} The answer has the form of the body: a prediction for an event, a list for a list, ` +
    '{"predictions": [...]} for {"events": [...]}.',
  params: Type.Object({ stream: Type.String({ description: 'Name of the stream.' }) }),
  querystring: Type.Object({
    durable: Type.Optional(
      Type.Boolean({
        default: false,
        description:
          'Answer after the prediction is on disk. Without it, the prediction is logged right after the answer.',
      }),
    ),
  }),
  body: Type.Unsafe<unknown>({ description: 'One event, a list of events, or {"events": [...]}.' }),
  response: {
    200: json('The scores, in the order of the events.', Type.Union([Type.Ref('Predicted'), PredictAnswer])),
    207: json('Some events were scored; the other results contain the reason.', PredictAnswer),
    ...refusals(400, 404, 413, 415, 422, 507),
  },
}

/** Fills in an absent id and an absent time. */
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
      const batch = batchOf(request.body, stream, caller, {
        ...context,
        complete: completeAt(stream, context.clock.nowMs()),
      })
      const results = await resultsOf(batch, (events) =>
        context.ports.scoring.predict(stream.name, events, caller, request.query.durable),
      )
      context.metrics.events('predict', stream.name, results)
      return answer(reply, batch.shape, results, wrap(batch.shape))
    },
  )
}
