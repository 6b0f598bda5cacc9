/** /tenants: lists, adds and removes tenants; operator keys only. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import type { DecidedTenant, TenantView } from '../../contracts/tenants.js'
import { callerOf } from '../http/auth.js'
import type { ApiContext } from '../http/context.js'
import { Refusal } from '../http/problems.js'
import { json, nullable, refusals } from '../http/shapes.js'
import { oneOf } from '../one-of.js'

const Tenant = {
  tenant: Type.String(),
  state: oneOf(['known', 'removed'], '`removed`: the engine scored the tenant before, and does not any more.'),
  by: Type.String({ description: 'Id of the key or name of the person; `engine` where the configuration names it.' }),
  why: Type.String(),
  at: nullable(
    Type.String({ format: 'date-time', description: 'Null where the tenant is known from the beginning of the log.' }),
  ),
}
const Decided = Type.Object({
  ...Tenant,
  changed: Type.Boolean({ description: 'False where it was so already; then nothing was recorded.' }),
})
const Why = Type.String({ minLength: 3, maxLength: 1_000, description: 'The reason, stored with the decision.' })
const Name = Type.String({ minLength: 1, maxLength: 128 })

const Body = Type.Object(
  { tenant: Name, why: Why },
  { additionalProperties: false, examples: [{ tenant: 'acme', why: 'The contract begins today.' }] },
)
const Params = Type.Object({ tenant: Name })
const Query = Type.Object({ why: Why }, { additionalProperties: false })

const tags = ['tenants']
const listSchema = {
  operationId: 'listTenants',
  tags,
  summary: 'List the tenants',
  description:
    'Lists the tenants that a decision or the configuration names, also removed ones. Needs an operator key.',
  response: {
    200: json(
      'By name.',
      Type.Object({
        any: Type.Boolean({ description: 'The configuration says `any`: every tenant is known that was not removed.' }),
        tenants: Type.Array(Type.Object(Tenant)),
      }),
    ),
    ...refusals(),
  },
}
const addSchema = {
  operationId: 'addTenant',
  tags,
  summary: 'Add a tenant',
  description:
    'From now on every process scores the events of the tenant, without a restart. Events that were dead letters ' +
    'before can be redriven. The control topic keeps the decision. Needs an operator key.',
  body: Body,
  response: { 200: json('The tenant.', Decided), ...refusals(400, 413, 415, 422, 507) },
}
const removeSchema = {
  operationId: 'removeTenant',
  tags,
  summary: 'Remove a tenant',
  description:
    'From now on events of the tenant become dead letters, and requests with its keys are refused. What is stored ' +
    'stays. The control topic keeps the decision. Needs an operator key.',
  params: Params,
  querystring: Query,
  response: { 200: json('The tenant.', Decided), ...refusals(400, 404, 507) },
}

export function tenantRoutes(app: FastifyInstance, { ports: { tenants } }: ApiContext): void {
  const admin = { scope: 'admin', operator: true } as const

  app.get('/tenants', { schema: listSchema, config: { scope: 'read', operator: true } }, () => {
    const { any, tenants: named } = tenants.list()
    return Promise.resolve({ any, tenants: named.map(shown) })
  })

  app.post<{ Body: Static<typeof Body> }>('/tenants', { schema: addSchema, config: admin }, async (request) => {
    const { tenant, why } = request.body
    return shown(await tenants.add(tenant, callerOf(request).key, why))
  })

  app.delete<{ Params: Static<typeof Params>; Querystring: Static<typeof Query> }>(
    '/tenants/:tenant',
    { schema: removeSchema, config: admin },
    async (request) => {
      const { tenant } = request.params
      const removed = await tenants.remove(tenant, callerOf(request).key, request.query.why)
      if (removed === undefined) throw new Refusal('NOT_FOUND', `The engine knows no tenant '${tenant}'.`)
      return shown(removed)
    },
  )
}

const shown = <One extends TenantView | DecidedTenant>({ atMs, ...tenant }: One) => ({
  ...tenant,
  at: atMs === null ? null : new Date(atMs).toISOString(),
})
