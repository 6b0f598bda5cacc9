/** GET /predictions and /predictions/{event_id}: stored predictions with their outcomes. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import type { PredictionFilter, PredictionRow } from '../../contracts/predictions.js'
import { limits } from '../../base/limits.js'
import { tenantOf } from '../http/auth.js'
import { streamOf, type ApiContext } from '../http/context.js'
import { Refusal } from '../http/problems.js'
import { json, refusals, RiskLevel, StoredShape, Time } from '../http/shapes.js'
import { isoOf, timeOf } from '../http/times.js'
import { waitingReads } from '../http/waiting.js'

const defaultPage = 100
/** Longer than the warehouse is usually behind the log. */
const retryAfterS = 2

const Name = (description: string) => Type.Optional(Type.String({ minLength: 1, maxLength: 500, description }))
const Query = Type.Object(
  {
    tenant: Name("For operator keys; a tenant's key reads its own tenant."),
    stream: Name('Name of a stream.'),
    risk: Type.Optional(RiskLevel),
    entity: Name("Id of the stream's first entity: the person, meter, user or host."),
    version: Name('Version of the model, or heuristic_v1.'),
    from: Type.Optional({
      ...Time,
      description: 'Event time, inclusive: ISO 8601 with a zone, a date, or epoch milliseconds.',
    }),
    to: Type.Optional({ ...Time, description: 'Event time, exclusive.' }),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: limits.apiPage, description: `Rows per page; ${defaultPage} when absent.` }),
    ),
    cursor: Name('`next` of the previous page.'),
  },
  { additionalProperties: false },
)
const Page = Type.Object({
  predictions: Type.Array(Type.Ref('Prediction')),
  next: Type.Union([Type.String(), Type.Null()], {
    description: 'Pass it as `cursor` for the next page; null on the last page.',
  }),
})
const OneQuery = Type.Object(
  {
    tenant: Name('For operator keys.'),
    wait: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: limits.apiWaitMs / 1_000,
        description: 'Seconds. While there is no prediction, the answer waits for this long at most; 0 when absent.',
      }),
    ),
  },
  { additionalProperties: false },
)
const OneParams = Type.Object({ event_id: Type.String({ minLength: 1 }) })

const listSchema = {
  operationId: 'listPredictions',
  tags: ['predictions'],
  summary: 'Find predictions',
  description: 'Returns the newest events first. The warehouse is about one second behind the log.',
  querystring: Query,
  response: { 200: json('One page.', Page), ...refusals(400, 404) },
}
const oneSchema = {
  operationId: 'getPrediction',
  tags: ['predictions'],
  summary: 'Get the predictions of one event',
  description:
    'Returns several predictions when several streams, tenants or requests to predict used the id. The warehouse is ' +
    'about one second behind the log: until it has the prediction of an acknowledged event, the answer is 404 with ' +
    "`Retry-After`, or waits with `?wait=10`. A tenant's key gets the same 404 for an id that another tenant uses.",
  params: OneParams,
  querystring: OneQuery,
  response: {
    200: json('Newest first, at least one.', Type.Object({ predictions: Type.Array(Type.Ref('Prediction')) })),
    ...refusals(400, 404),
  },
}

export function predictionRoutes(app: FastifyInstance, context: ApiContext): void {
  const { queries } = context.ports
  const waiting = waitingReads(app, context.clock)

  app.get<{ Querystring: Static<typeof Query> }>(
    '/predictions',
    { schema: listSchema, config: { scope: 'read' } },
    async (request) => {
      const { tenant, stream, cursor, limit } = request.query
      if (stream !== undefined) streamOf(context, stream)
      const { rows, next } = await queries.findPredictions(
        filterOf(request.query, tenantOf(request, tenant)),
        cursor,
        limit ?? defaultPage,
      )
      return { predictions: rows.map(view), next: next ?? null }
    },
  )

  app.get<{ Params: Static<typeof OneParams>; Querystring: Static<typeof OneQuery> }>(
    '/predictions/:event_id',
    { schema: oneSchema, config: { scope: 'read' } },
    async (request, reply) => {
      const { tenant, wait = 0 } = request.query
      const mine = tenantOf(request, tenant)
      const rows = await waiting(reply, wait * 1_000, () => queries.predictionsOf(request.params.event_id, mine))
      if (rows.length > 0) return { predictions: rows.map(view) }
      void reply.header('retry-after', retryAfterS)
      throw new Refusal(
        'NOT_FOUND',
        'There is no prediction with this event id yet. A prediction follows about a second after the event; ' +
          '`?wait=10` waits for it.',
      )
    },
  )
}

function filterOf(query: Static<typeof Query>, tenant: string | undefined): PredictionFilter {
  const { stream, risk, entity, version, from, to } = query
  return {
    ...(tenant !== undefined && { tenant }),
    ...(stream !== undefined && { stream }),
    ...(risk !== undefined && { risk }),
    ...(entity !== undefined && { entity }),
    ...(version !== undefined && { version }),
    ...(from !== undefined && { fromMs: timeOf('from', from) }),
    ...(to !== undefined && { toMs: timeOf('to', to) }),
  }
}

function view(row: PredictionRow): Static<typeof StoredShape> {
  const { eventTimeMs, recordTimeMs, outcome, reasons, ...same } = row
  return {
    ...same,
    reasons: [...reasons],
    event_time: isoOf(eventTimeMs),
    record_time: isoOf(recordTimeMs),
    outcome: outcome && { label: outcome.label, source: outcome.source, decided_at: isoOf(outcome.decidedAtMs) },
  }
}
