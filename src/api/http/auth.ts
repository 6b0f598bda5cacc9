/** Checks keys: every route under /api/v2 names the scope it needs, and requests without it are refused. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../base/clock.js'
import { maySee, type Holder, type KeyRing, type Scope } from '../keys/keys.js'
import { everyTenant, type Caller } from '../../contracts/callers.js'
import type { TenantsPort } from '../../contracts/tenants.js'
import { Refusal } from './problems.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before any handler of /api/v2 runs. */
    holder: Holder
  }
  interface FastifyContextConfig {
    scope?: Scope
    /** The route needs an operator key in addition to the scope. */
    operator?: true
  }
}

const challenge = 'Bearer realm="tidemill"'
const unauthenticated = 'Send a valid key as `Authorization: Bearer tm_...`. `tidemill keys create` creates one.'
const scheme = /^bearer +([^ ]+) *$/i

/** What a key is checked against. */
interface KeyChecks {
  readonly keys: KeyRing
  readonly clock: Clock
  readonly tenants: Pick<TenantsPort, 'isRemoved'>
}

/** Guards the routes of this plugin and of nested ones. Throws at start for a route that names no scope. */
export function requireKeys(app: FastifyInstance, { keys, clock, tenants }: KeyChecks): void {
  app.decorateRequest('holder')
  app.addHook('onRoute', (route) => {
    if (route.config?.scope === undefined) throw new Error(`route ${route.url} names no scope`)
  })
  app.addHook('onRequest', (request, reply, done) => {
    const refused = refusalOf(request, reply, keys, clock.nowMs()) ?? ofRemoved(request, tenants)
    if (refused) done(refused)
    else done()
  })
}

function refusalOf(request: FastifyRequest, reply: FastifyReply, keys: KeyRing, nowMs: number): Refusal | undefined {
  const { config } = request.routeOptions
  const key = scheme.exec(request.headers.authorization ?? '')?.[1]
  const holder = key === undefined ? undefined : keys.verify(key, nowMs)
  if (!holder) {
    reply.header('www-authenticate', key === undefined ? challenge : `${challenge}, error="invalid_token"`)
    return new Refusal('UNAUTHENTICATED', unauthenticated)
  }
  if (!holder.scopes.has(config.scope!)) return new Refusal('FORBIDDEN', `The key lacks the scope ${config.scope!}.`)
  if (config.operator && holder.tenant !== everyTenant)
    return new Refusal('FORBIDDEN', 'Only an operator key may do this.')
  request.holder = holder
  return undefined
}

/** The keys of a removed tenant are valid, but every request with them is refused until the tenant is added again. */
function ofRemoved({ holder: { tenant } }: FastifyRequest, tenants: KeyChecks['tenants']): Refusal | undefined {
  if (tenant === everyTenant || !tenants.isRemoved(tenant)) return undefined
  return new Refusal(
    'FORBIDDEN',
    `The tenant of this key, '${tenant}', was removed. Its keys work again when an operator adds the tenant ` +
      'with `tidemill tenants add`.',
  )
}

export const callerOf = (request: FastifyRequest): Caller => ({ tenant: request.holder.tenant, key: request.holder.id })

/** The refusal for a request that names another tenant than the key's. It does not depend on that tenant's data. */
const notYours = (): Refusal => new Refusal('FORBIDDEN', 'This key cannot read the data of another tenant.')

/** For the descriptions of routes. */
export const mayOmitTenant =
  "A tenant's key may omit the tenant. An operator key may omit it where the engine has one tenant, and in a demo, " +
  'where the first of its tenants is meant.'

/** The tenant of a request: the key's own, or the one that the operator names; undefined for all tenants. */
export function tenantOf(request: FastifyRequest, named: string | undefined): string | undefined {
  const { holder } = request
  if (named !== undefined && !maySee(holder, named)) throw notYours()
  return holder.tenant === everyTenant ? named : holder.tenant
}
