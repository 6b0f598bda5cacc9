/** POST /outcomes: stores the truth about predictions. */
import type { FastifyInstance, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { limits } from '../../base/limits.js'
import { callerOf, tenantOf } from '../http/auth.js'
import { streamOf, type ApiContext } from '../http/context.js'
import type { Outcome } from '../../contracts/outcomes.js'
import { Refusal } from '../http/problems.js'
import { bodyTime, json, refusals } from '../http/shapes.js'
import { timeOf } from '../http/times.js'
import { validatorOf } from '../http/validate.js'
import { oneOf } from '../one-of.js'

const OutcomeBody = Type.Object(
  {
    stream: Type.String({ minLength: 1 }),
    event_id: Type.String({ minLength: 1, maxLength: 500, description: 'The event of the prediction.' }),
    tenant_id: Type.Optional(
      Type.String({ minLength: 1, description: 'Required with an operator key where the engine has several tenants.' }),
    ),
    label: Type.Union([Type.Literal(0), Type.Literal(1)], {
      description: '1: it was a fraud, conflict, misread or incident. 0: it was not.',
    }),
    source: Type.Optional(oneOf(['correction', 'review', 'event'], 'The source of the label; review when absent.')),
    decided_at: Type.Optional(
      bodyTime('Time of the decision: ISO 8601 with a zone, or epoch milliseconds; now when absent.'),
    ),
    note: Type.Optional(Type.String({ maxLength: 2_000 })),
  },
  { additionalProperties: false },
)
const Many = Type.Array(OutcomeBody, { minItems: 1, maxItems: limits.apiBatch })
const Envelope = Type.Object({ outcomes: Many }, { additionalProperties: false })
const Body = Type.Union([OutcomeBody, Many, Envelope], {
  description: 'One outcome, a list of outcomes, or {"outcomes": [...]}.',
})
type Body = Static<typeof Body>

const schema = {
  operationId: 'postOutcomes',
  tags: ['predictions'],
  summary: 'Report outcomes',
  description:
    'Takes all outcomes or, if one is bad, none. Acknowledged outcomes are on disk. The request may be repeated.',
  body: Body,
  response: {
    200: json('All outcomes are on disk.', Type.Object({ accepted: Type.Integer() })),
    ...refusals(400, 404, 413, 415, 422, 507),
  },
}

/** Checks the body against one shape instead of the union, so that an error names the field. */
const compileByShape: FastifySchemaCompiler<unknown> = () => {
  const [one, many, envelope] = [validatorOf(OutcomeBody, true), validatorOf(Many, true), validatorOf(Envelope, true)]
  return (body: unknown) => (Array.isArray(body) ? many : isEnvelope(body) ? envelope : one)(body)
}

const isEnvelope = (body: unknown): body is Static<typeof Envelope> =>
  typeof body === 'object' && body !== null && 'outcomes' in body

export function outcomeRoutes(app: FastifyInstance, context: ApiContext): void {
  app.post<{ Body: Body }>(
    '/outcomes',
    { schema, config: { scope: 'outcomes:write' }, validatorCompiler: compileByShape },
    async (request) => {
      const { body } = request
      const [wanted, place] = Array.isArray(body)
        ? [body, '']
        : isEnvelope(body)
          ? [body.outcomes, 'outcomes/']
          : [[body], undefined]
      const outcomes = wanted.map((one, index) =>
        outcomeOf(one, place === undefined ? '' : `${place}${index}/`, request, context),
      )
      await context.ports.scoring.appendOutcomes(outcomes, callerOf(request))
      return { accepted: outcomes.length }
    },
  )
}

/** `place` is the JSON path of the outcome in the body, for error messages. */
function outcomeOf(
  one: Static<typeof OutcomeBody>,
  place: string,
  request: FastifyRequest,
  context: ApiContext,
): Outcome {
  for (const name of ['event_id', 'tenant_id', 'note'] as const)
    if (/\p{Cs}/u.test(one[name] ?? ''))
      throw new Refusal('BAD_FIELD', `${name} has half of a surrogate pair, which has no UTF-8.`, {
        errors: [{ field: `${place}${name}`, message: 'has half of a surrogate pair, which has no UTF-8' }],
      })
  const tenant = tenantOf(request, one.tenant_id) ?? context.defaultTenant
  if (tenant === undefined)
    throw new Refusal('BAD_FIELD', 'Name the tenant.', {
      errors: [{ field: `${place}tenant_id`, message: 'is required with an operator key' }],
    })
  return {
    stream: streamOf(context, one.stream).name,
    tenant,
    event_id: one.event_id,
    label: one.label,
    source: one.source ?? 'review',
    decidedAtMs:
      one.decided_at === undefined ? context.clock.nowMs() : timeOf(`${place}decided_at`, one.decided_at, 'BAD_FIELD'),
    ...(one.note !== undefined && { note: one.note }),
  }
}
