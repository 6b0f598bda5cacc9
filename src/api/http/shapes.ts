/** The shapes of requests and answers: requests are checked against them, and the OpenAPI document contains them. */
import { Type, type TSchema } from '@sinclair/typebox'
import { deadLetterStates } from '../../contracts/dead-letters.js'
import { riskLevels } from '../../contracts/risks.js'
import { scopes } from '../keys/keys.js'
import { oneOf } from '../one-of.js'
import { problemType } from './problems.js'

export const nullable = <Shape extends TSchema>(schema: Shape) => Type.Union([schema, Type.Null()])

export const RiskLevel = oneOf(riskLevels, "Level by the stream's two thresholds.")
/** A time in a query. */
export const Time = Type.String({ minLength: 1, maxLength: 40 })
/** A time in a body: text as in a query, or a number. */
export const bodyTime = (description: string) =>
  Type.Union([Time, Type.Integer({ minimum: -999_999_999_999_999, maximum: 999_999_999_999_999 })], { description })
const Instant = Type.String({ format: 'date-time' })
const Score = Type.Number({ minimum: 0, maximum: 1 })
const Reasons = Type.Array(Type.String(), { description: 'The features that raised the score, strongest first.' })
const ServedBy = oneOf(['model', 'heuristic'])
const Why = nullable(oneOf(['no-model', 'model-error', 'timeout', 'heuristic-error'], 'Why the heuristic served.'))
const Late = Type.Boolean({
  description: "The event is older than the tenant's newest one by more than the stream's lateness.",
})

export const ErrorShape = Type.Object({
  code: Type.String(),
  message: Type.String(),
  field: Type.Optional(Type.String()),
})
export const RejectedShape = Type.Object(
  { event_id: Type.Optional(Type.String()), error: ErrorShape },
  { $id: 'Rejected', description: 'An event that the engine did not take, and the reason.' },
)
export const ProblemShape = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String({ description: "Id of this request; the engine's log contains the same id." }),
    code: Type.String({ description: 'Error code, for programs.' }),
    errors: Type.Optional(Type.Array(Type.Object({ field: Type.String(), message: Type.String() }))),
    results: Type.Optional(
      Type.Array(Type.Ref('Rejected'), { description: 'One per event, when a whole batch was refused.' }),
    ),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details.' },
)
export const AcknowledgedShape = Type.Object(
  { event_id: Type.String(), partition: Type.Integer(), offset: Type.Integer() },
  { $id: 'Acknowledged', description: "The event is on disk at this position of the stream's topic." },
)
export const PredictedShape = Type.Object(
  {
    event_id: Type.String(),
    score: Score,
    risk: RiskLevel,
    version: Type.String(),
    served_by: ServedBy,
    why: Why,
    reasons: Reasons,
    late: Late,
    split: Type.Optional(
      Type.Boolean({
        description:
          "Present when several partitions hold a part of the event's history, because producers chose partitions in " +
          'different ways. The features are from one of them.',
      }),
    ),
  },
  { $id: 'Predicted', description: 'The score of one event, and the model or heuristic that served it.' },
)
export const StoredShape = Type.Object(
  {
    event_id: Type.String(),
    tenant: Type.String(),
    stream: Type.String(),
    topic: Type.String(),
    partition: Type.Integer(),
    offset: Type.Integer(),
    origin: oneOf(['log', 'api'], 'log: scored from the event log. api: scored on request.'),
    entity: Type.String(),
    event_time: Instant,
    record_time: Instant,
    score: Type.Union([Score, Type.Null()], {
      description: 'Null in rows of older versions whose model answered no number.',
    }),
    risk: RiskLevel,
    version: Type.String(),
    served_by: ServedBy,
    why: Why,
    reasons: Reasons,
    late: Late,
    outcome: nullable(Type.Object({ label: Type.Integer(), source: Type.String(), decided_at: Instant })),
  },
  { $id: 'Prediction', description: 'A stored prediction with its latest outcome.' },
)
export const DeadLetterShape = Type.Object(
  {
    id: Type.String({ description: 'stream/partition/position: its place among the dead letters.' }),
    stream: Type.String(),
    partition: Type.Integer(),
    offset: Type.Integer({ description: "Offset of the record in the stream's event topic." }),
    time: Type.String({ format: 'date-time', description: 'When it became a dead letter.' }),
    code: Type.String(),
    stage: Type.String(),
    reason: Type.String(),
    version: Type.String({ description: 'Build and plan that stored the dead letter.' }),
    attempts: Type.Integer({ description: 'How often its event was redriven before.' }),
    origin: Type.Integer({ description: 'Offset of the first dead letter of the same event.' }),
    tenant: nullable(Type.String({ description: 'Null when the record does not clearly name one tenant.' })),
    event_id: nullable(Type.String()),
    bytes: Type.Integer(),
    state: oneOf(deadLetterStates),
  },
  { $id: 'DeadLetter', description: 'A record that could not be scored.' },
)
export const KeyShape = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    tenant: Type.String(),
    scopes: Type.Array(oneOf(scopes)),
    created_at: Instant,
    expires_at: nullable(Instant),
  },
  { $id: 'Key', description: 'A key without its secret.' },
)
export const StreamShape = Type.Object(
  {
    name: Type.String(),
    topic: Type.String(),
    partitions: Type.Integer(),
    columns: Type.Record(Type.String(), Type.String()),
    entities: Type.Array(
      Type.Object({ name: Type.String(), columns: Type.Array(Type.String()), scope: oneOf(['tenant', 'partition']) }),
    ),
    features: Type.Array(Type.Object({ name: Type.String(), kind: Type.String() })),
    family: nullable(Type.String()),
    serving: Type.Object({
      by: ServedBy,
      version: Type.String(),
      problem: nullable(Type.String({ description: 'Why the chosen model does not score all rows.' })),
    }),
    risk: Type.Object({ high: Type.Number(), medium: Type.Number() }),
    fingerprint: Type.String(),
    schema: Type.Unknown({ description: 'The Avro record schema.' }),
  },
  { $id: 'Stream' },
)

/** The named shapes of the document, for `Type.Ref`. */
export const sharedShapes = [
  RejectedShape,
  ProblemShape,
  AcknowledgedShape,
  PredictedShape,
  StoredShape,
  DeadLetterShape,
  KeyShape,
  StreamShape,
]

const problemTitles: Readonly<Record<number, string>> = {
  400: 'The engine cannot read the request.',
  401: 'The key is absent or not valid.',
  403: 'The key lacks the scope, or the request names another tenant.',
  404: 'It does not exist.',
  409: 'It exists already.',
  413: 'The request is too large.',
  415: 'The content type is not supported.',
  422: 'The content is not valid; `errors` or `results` list the mistakes.',
  503: 'A part of the engine is unreachable or busy; repeat after `Retry-After`.',
  507: 'The disk is full.',
}

/** The refusals of a route, for its `response`. */
export const refusals = (...statuses: readonly number[]): Record<number, object> =>
  Object.fromEntries(
    [...new Set([401, 403, 503, ...statuses])]
      .sort()
      .map((status) => [
        status,
        { description: problemTitles[status], content: { [problemType]: { schema: Type.Ref('Problem') } } },
      ]),
  )

/** A JSON body with a description, for a route's `response`. */
export const json = (
  description: string,
  schema: TSchema,
  examples?: Readonly<Record<string, { readonly value: unknown }>>,
): object => ({ description, content: { 'application/json': { schema, ...(examples && { examples }) } } })
