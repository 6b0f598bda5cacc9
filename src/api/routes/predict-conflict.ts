/**
 * POST /predict/conflict: the short form for mobile clients, which ask before an upload whether it will conflict.
 * Clients of the older API send `{"domain": "voice", "user_id": 1}` with a trailing slash and curl's default content
 * type; the route accepts all of that.
 */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { callerOf } from '../http/auth.js'
import { batchOf, refusalOfOne, resultsOf } from '../http/batch.js'
import { streamOf, type ApiContext } from '../http/context.js'
import { completeAt } from './predict.js'
import { isRejected } from '../../contracts/scoring.js'
import { json, refusals, RiskLevel } from '../http/shapes.js'

/** The stream behind the short form. */
const sync = 'sync'

const ConflictBody = Type.Object(
  {
    domain: Type.String({ minLength: 1, description: 'Kind of record: task, ticket, voice ...' }),
    user_id: Type.Union([Type.String({ minLength: 1 }), Type.Integer()], {
      description: 'The user who is about to synchronise.',
    }),
  },
  {
    additionalProperties: true,
    description: 'Any other column of the sync stream may be added.',
    examples: [{ domain: 'voice', user_id: 1 }],
  },
)
const ConflictAnswer = Type.Object({
  event_id: Type.String(),
  conflict_probability: Type.Number({ minimum: 0, maximum: 1 }),
  risk: RiskLevel,
  model_version: Type.String({ description: 'Version of the model, or heuristic_v1.' }),
  served_by: Type.String(),
  why: Type.Union([Type.String(), Type.Null()]),
  reasons: Type.Array(Type.String()),
})

const schema = {
  operationId: 'predictConflict',
  tags: ['scoring'],
  summary: 'Predict whether a sync will conflict',
  description: 'Short form of `POST /api/v2/predict/sync`, with or without a trailing slash.',
  body: ConflictBody,
  response: { 200: json('The probability of a conflict.', ConflictAnswer), ...refusals(400, 404, 413, 415, 422, 507) },
}

/** Adds the route only when the stream is configured; otherwise `conflict` is an unknown stream like any other. */
export function conflictRoutes(app: FastifyInstance, context: ApiContext): void {
  if (!context.ports.scoring.streams().some(({ name }) => name === sync)) return
  app.post<{ Body: Static<typeof ConflictBody> }>(
    '/predict/conflict',
    { schema, config: { scope: 'predict' } },
    async (request): Promise<Static<typeof ConflictAnswer>> => {
      const stream = streamOf(context, sync)
      const caller = callerOf(request)
      const event = { ...request.body, user_id: String(request.body.user_id) }
      const batch = batchOf([event], stream, caller, {
        ...context,
        complete: completeAt(stream, context.clock.nowMs()),
      })
      const results = await resultsOf(batch, (events) => context.ports.scoring.predict(stream.name, events, caller))
      context.metrics.events('predict', stream.name, results)
      const result = results[0]!
      if (isRejected(result)) throw refusalOfOne(result)
      const { event_id, score, risk, version, served_by, why, reasons } = result
      return {
        event_id,
        conflict_probability: score,
        risk,
        model_version: version,
        served_by,
        why,
        reasons: [...reasons],
      }
    },
  )
}
