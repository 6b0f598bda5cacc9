/** /keys: creates, lists and withdraws keys; operator keys only. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import type { ApiContext } from '../http/context.js'
import { scopes, type KeyRecord } from '../keys/keys.js'
import { Refusal } from '../http/problems.js'
import { bodyTime, json, KeyShape, refusals } from '../http/shapes.js'
import { isoOf, timeOf } from '../http/times.js'
import { oneOf } from '../one-of.js'

const NewKeyBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200, description: 'Purpose of the key.' }),
    tenant: Type.String({ minLength: 1, maxLength: 200, description: 'The tenant of the key; * for an operator key.' }),
    scopes: Type.Array(oneOf(scopes), { minItems: 1, uniqueItems: true }),
    expires_at: Type.Optional(bodyTime('ISO 8601 with a zone, or epoch milliseconds; never when absent.')),
  },
  { additionalProperties: false, examples: [{ name: 'gate 4', tenant: 'acme', scopes: ['events:write', 'predict'] }] },
)
const Created = Type.Composite([
  Type.Omit(KeyShape, []),
  Type.Object({ key: Type.String({ description: 'The key itself, shown only in this answer.' }) }),
])
const Params = Type.Object({ id: Type.String() })

const config = { scope: 'admin', operator: true } as const
const tags = ['keys']

const createSchema = {
  operationId: 'createKey',
  tags,
  summary: 'Create a key',
  body: NewKeyBody,
  response: { 201: json('The new key.', Created), ...refusals(400, 413, 415, 422, 507) },
}
const listSchema = {
  operationId: 'listKeys',
  tags,
  summary: 'List the keys, without their secrets',
  response: { 200: json('Oldest first.', Type.Object({ keys: Type.Array(Type.Ref('Key')) })), ...refusals() },
}
const withdrawSchema = {
  operationId: 'withdrawKey',
  tags,
  summary: 'Withdraw a key',
  params: Params,
  response: {
    204: { type: 'null', description: 'The engine refuses requests with this key from now on.' },
    ...refusals(404),
  },
}

export function keyRoutes(app: FastifyInstance, { keys, clock }: ApiContext): void {
  app.post<{ Body: Static<typeof NewKeyBody> }>('/keys', { schema: createSchema, config }, async (request, reply) => {
    const { expires_at, ...wanted } = request.body
    const expiresAtMs = expires_at === undefined ? undefined : timeOf('expires_at', expires_at, 'BAD_FIELD')
    if (expiresAtMs !== undefined && expiresAtMs <= clock.nowMs())
      throw new Refusal('BAD_FIELD', 'expires_at: has passed', {
        errors: [{ field: 'expires_at', message: 'has passed' }],
      })
    const { key, record } = await keys.create({ ...wanted, ...(expiresAtMs !== undefined && { expiresAtMs }) })
    return reply.code(201).send({ ...view(record), key } satisfies Static<typeof Created>)
  })

  app.get('/keys', { schema: listSchema, config }, async () => ({ keys: keys.list().map(view) }))

  app.delete<{ Params: Static<typeof Params> }>(
    '/keys/:id',
    { schema: withdrawSchema, config },
    async (request, reply) => {
      if (!(await keys.withdraw(request.params.id))) throw new Refusal('NOT_FOUND', 'There is no key with this id.')
      return reply.code(204).send()
    },
  )
}

const view = ({ id, name, tenant, scopes: may, createdAtMs, expiresAtMs }: KeyRecord): Static<typeof KeyShape> => ({
  id,
  name,
  tenant,
  scopes: [...may],
  created_at: isoOf(createdAtMs),
  expires_at: expiresAtMs === undefined ? null : isoOf(expiresAtMs),
})
