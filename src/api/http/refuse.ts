/** Answers every failure with problem details: thrown errors, unknown paths, wrong methods. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import { problem, problemOf, problemType, retryAfterS, type Problem } from './problems.js'

/** Stop browsers from guessing content types, framing pages and sending referrers. */
export const honestHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
} as const

/** Installs the handlers and answers OPTIONS. Must be called before the routes are added: it collects their methods. */
export function answerProblems(app: FastifyInstance): void {
  const known = new Map<string, { readonly pattern: RegExp; readonly methods: Set<HTTPMethods> }>()
  app.addHook('onRoute', ({ url, method }) => {
    const entry = known.get(url) ?? { pattern: patternOf(url), methods: new Set<HTTPMethods>() }
    for (const one of [method].flat()) entry.methods.add(one)
    known.set(url, entry)
  })

  app.setErrorHandler((error, request, reply) => {
    const answer = problemOf(error, request.id)
    if (answer.status >= 500)
      request.log.error(
        { err: error, requestId: request.id, method: request.method, route: request.routeOptions.url },
        'request failed',
      )
    return send(reply, answer)
  })

  app.setNotFoundHandler((request, reply) => {
    const methods = methodsAt(request, known.values())
    if (methods.length === 0)
      return send(reply, problem(request.id, 'NOT_FOUND', 'There is no route at this path; /docs lists the routes.'))
    void reply.header('allow', [...methods, 'OPTIONS'].join(', '))
    if (request.method === 'OPTIONS') return reply.code(204).send()
    return send(reply, problem(request.id, 'METHOD_NOT_ALLOWED', `This path accepts ${methods.join(', ')}.`))
  })
}

/** Answers requests that Fastify refuses before routing: URLs that do not decode. */
export function refuseUnrouted(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  void send(reply.headers(honestHeaders), problemOf(error, request.id))
}

function send(reply: FastifyReply, answer: Problem): FastifyReply {
  const seconds = retryAfterS(answer.code)
  if (seconds !== undefined) void reply.header('retry-after', seconds)
  return reply.code(answer.status).type(problemType).send(JSON.stringify(answer))
}

const patternOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\*$/, '.*')}/?$`,
  )

function methodsAt(
  request: FastifyRequest,
  known: Iterable<{ readonly pattern: RegExp; readonly methods: ReadonlySet<HTTPMethods> }>,
): readonly HTTPMethods[] {
  const path = request.url.split('?', 1)[0]!
  const methods = new Set<HTTPMethods>()
  for (const entry of known) if (entry.pattern.test(path)) for (const method of entry.methods) methods.add(method)
  return [...methods].sort()
}
