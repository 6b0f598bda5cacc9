/** /livez, /readyz and /metrics; they need no key. */
import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import type { Closing } from '../http/admission.js'
import type { ApiPorts } from '../../contracts/api.js'
import { json } from '../http/shapes.js'

const Checks = Type.Object({
  ready: Type.Boolean(),
  checks: Type.Array(
    Type.Object({
      check: Type.String(),
      ok: Type.Boolean(),
      detail: Type.String(),
      attention: Type.Optional(Type.Boolean({ description: 'The engine works, but a person should check this.' })),
    }),
  ),
})
const tags = ['health']
const liveSchema = {
  operationId: 'livez',
  tags,
  summary: 'Check that the process is alive',
  security: [],
  response: { 200: json('The process answers.', Type.Object({ alive: Type.Literal(true) })) },
}
const readySchema = {
  operationId: 'readyz',
  tags,
  summary: 'Check that the engine can do its work',
  security: [],
  response: {
    200: json('Every check passes.', Checks),
    503: json('At least one check fails, or the engine is shutting down.', Checks),
  },
}
const metricsSchema = {
  operationId: 'metrics',
  tags,
  summary: 'Get metrics for Prometheus',
  security: [],
  response: {
    200: {
      description: 'Metrics in the text format of Prometheus.',
      content: { 'text/plain': { schema: Type.String() } },
    },
  },
}

export function healthRoutes(
  app: FastifyInstance,
  ports: Pick<ApiPorts, 'metrics' | 'readiness'>,
  closing: Closing,
): void {
  app.get('/livez', { schema: liveSchema }, async () => ({ alive: true }))

  app.get('/readyz', { schema: readySchema }, async (_request, reply) => {
    const found = await ports.readiness()
    const checks = closing.started ? [...found, { check: 'shutdown', ok: false, detail: 'shutting down' }] : found
    const ready = checks.every((one) => one.ok)
    return reply.code(ready ? 200 : 503).send({ ready, checks })
  })

  app.get('/metrics', { schema: metricsSchema }, async (_request, reply) =>
    reply.type(ports.metrics.contentType).send(await ports.metrics.metrics()),
  )
}
