/** /dead-letters: lists, redrives and purges records that could not be scored. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { deadLetterStates, type DeadLetterFilter } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import { maySee } from '../keys/keys.js'
import { tenantOf } from '../http/auth.js'
import { streamOf, type ApiContext } from '../http/context.js'
import { filterOf, deadLetterView, listAnswer, redriveAnswer, shownAnswer } from './dead-letter-shapes.js'
import { everyTenant } from '../../contracts/callers.js'
import { Refusal } from '../http/problems.js'
import { bodyTime, refusals, Time } from '../http/shapes.js'
import { oneOf } from '../one-of.js'

const name = (description: string) => Type.String({ minLength: 1, maxLength: 500, description })
const fromIs = 'When it became a dead letter, inclusive: ISO 8601 with a zone, a date, or epoch milliseconds.'
const toIs = 'When it became a dead letter, exclusive.'
const usualPage = 100
const limit = Type.Optional(
  Type.Integer({
    minimum: 1,
    maximum: limits.apiPage,
    description: `Dead letters per page; ${usualPage} when absent.`,
  }),
)
const cursor = Type.Optional(
  Type.String({ minLength: 1, maxLength: 16_000, description: '`next` of the previous page.' }),
)

const filter = {
  partition: Type.Optional(Type.Integer({ minimum: 0, description: 'Only this partition.' })),
  code: Type.Optional(name('The error of the record: BAD_JSON, BAD_FIELD, UNKNOWN_TENANT ...')),
  stage: Type.Optional(oneOf(['decode', 'check', 'fold'], 'The stage that found the error.')),
  tenant: Type.Optional(name("For operator keys; a tenant's key reads its own tenant.")),
  from: Type.Optional({ ...Time, description: fromIs }),
  to: Type.Optional({ ...Time, description: toIs }),
}

const ListQuery = Type.Object(
  {
    stream: Type.Optional(name('Name of a stream.')),
    ...filter,
    state: Type.Optional(oneOf(deadLetterStates, 'Every state when absent.')),
    limit,
    cursor,
  },
  { additionalProperties: false },
)
const action = {
  stream: name('Name of the stream.'),
  ...filter,
  from: Type.Optional(bodyTime(fromIs)),
  to: Type.Optional(bodyTime(toIs)),
  limit,
  cursor,
  dry_run: Type.Optional(Type.Boolean({ description: 'Only report the result; change nothing.' })),
}
const RedriveBody = Type.Object(
  {
    ...action,
    even_bad: Type.Optional(
      Type.Boolean({
        description: 'Also send events that are still bad; they become dead letters again. Needs an operator key.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ stream: 'sync', code: 'UNKNOWN_TENANT', dry_run: true }] },
)
const PurgeBody = Type.Object(
  {
    ...action,
    all: Type.Optional(
      Type.Boolean({
        description: 'Confirms that all dead letters of the stream are meant; needed when no other filter is set.',
      }),
    ),
  },
  { additionalProperties: false, examples: [{ stream: 'sync', code: 'BAD_JSON', dry_run: true }] },
)

const Params = Type.Object({
  stream: Type.String(),
  partition: Type.Integer({ minimum: 0 }),
  position: Type.Integer({ minimum: 0, description: 'Position among the dead letters of the partition.' }),
})
type Params = Static<typeof Params>

const tags = ['dead letters']
const whose =
  " A tenant's key reaches the dead letters whose header, key and JSON name this tenant and no other; only operator " +
  'keys reach the others.'

const listSchema = {
  operationId: 'listDeadLetters',
  tags,
  summary: 'Find dead letters',
  description: `Reads the log, newest first.${whose}`,
  querystring: ListQuery,
  response: { 200: listAnswer, ...refusals(400, 404) },
}
const showSchema = {
  operationId: 'getDeadLetter',
  tags,
  summary: 'Get one dead letter with its bytes',
  params: Params,
  response: { 200: shownAnswer, ...refusals(400, 404) },
}
const redriveSchema = {
  operationId: 'redriveDeadLetters',
  tags,
  summary: 'Redrive the events of dead letters',
  description:
    'Sends one page of events in again, oldest first: the same bytes with the same key to the same partition. ' +
    'Repeating the request sends no event twice. Events that would still be bad are not sent. A dry run checks ' +
    `each page separately.${whose}`,
  body: RedriveBody,
  response: { 200: redriveAnswer, ...refusals(400, 404, 413, 415, 422, 507) },
}
const purgeSchema = {
  operationId: 'purgeDeadLetters',
  tags,
  summary: 'Purge dead letters',
  description:
    'Marks dead letters as purged: they are no longer listed as new and never redriven. Their bytes stay in the log ' +
    `until its retention removes them.${whose}`,
  body: PurgeBody,
  response: { 200: listAnswer, ...refusals(400, 404, 413, 415, 422, 507) },
}

export function deadLetterRoutes(app: FastifyInstance, context: ApiContext): void {
  const { deadLetters } = context.ports

  app.get<{ Querystring: Static<typeof ListQuery> }>(
    '/dead-letters',
    { schema: listSchema, config: { scope: 'read' } },
    async (request) => {
      const { stream, state, cursor, limit } = request.query
      if (stream !== undefined) streamOf(context, stream)
      const { items, next } = await deadLetters.list(
        { ...filterOf(request.query, tenantOf(request, request.query.tenant)), ...(state !== undefined && { state }) },
        cursor,
        limit ?? usualPage,
      )
      return { letters: items.map(deadLetterView), next: next ?? null }
    },
  )

  app.get<{ Params: Params }>(
    '/dead-letters/:stream/:partition/:position',
    { schema: showSchema, config: { scope: 'read' } },
    async (request) => {
      const { stream, partition, position } = request.params
      const found = await deadLetters.show(streamOf(context, stream).name, partition, position)
      const { holder } = request
      // The answer is the same for another tenant's dead letter, so that it reveals nothing about other tenants.
      if (
        found === undefined ||
        (holder.tenant !== everyTenant && (found.tenant === null || !maySee(holder, found.tenant)))
      )
        throw new Refusal('NOT_FOUND', 'There is no dead letter at this position, or no longer.')
      const { key, value, headers, decoded, today, ...deadLetter } = found
      return {
        letter: deadLetterView(deadLetter),
        key,
        value,
        headers,
        ...(decoded !== undefined && { decoded }),
        today,
      }
    },
  )
  actionRoutes(app, context)
}

function actionRoutes(app: FastifyInstance, context: ApiContext): void {
  const { deadLetters } = context.ports

  app.post<{ Body: Static<typeof RedriveBody> }>(
    '/dead-letters/redrive',
    { schema: redriveSchema, config: { scope: 'admin' } },
    async (request) => {
      const { even_bad = false } = request.body
      if (even_bad && request.holder.tenant !== everyTenant)
        throw new Refusal('FORBIDDEN', 'Only an operator key may send events that are still bad.')
      const { items, next } = await deadLetters.redrive({ ...asked(request, context), evenBad: even_bad })
      return {
        results: items.map(({ deadLetter, ...outcome }) => ({ letter: deadLetterView(deadLetter), ...outcome })),
        next: next ?? null,
      }
    },
  )

  app.post<{ Body: Static<typeof PurgeBody> }>(
    '/dead-letters/purge',
    { schema: purgeSchema, config: { scope: 'admin' } },
    async (request) => {
      const { all = false, partition, code, stage, tenant, from: since, to: until } = request.body
      if (!all && [partition, code, stage, tenant, since, until].every((one) => one === undefined))
        throw new Refusal(
          'BAD_REQUEST',
          'Set a code, stage, tenant, partition or time, or set `all` for all dead letters of the stream.',
        )
      const { items, next } = await deadLetters.purge(asked(request, context))
      return { letters: items.map(deadLetterView), next: next ?? null }
    },
  )
}

type Acting = FastifyRequest<{ Body: Omit<Static<typeof RedriveBody>, 'even_bad'> }>

function asked(request: Acting, context: ApiContext) {
  const { stream, tenant, limit = usualPage, cursor, dry_run = false } = request.body
  const filter: DeadLetterFilter & { readonly stream: string } = {
    ...filterOf(request.body, tenantOf(request, tenant), 'BAD_FIELD'),
    stream: streamOf(context, stream).name,
  }
  return { filter, limit, dryRun: dry_run, by: request.holder.id, ...(cursor !== undefined && { cursor }) }
}
