/** /livez, /readyz and /metrics, for whoever runs the engine; no key needed. */
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
      attention: Type.Optional(
        Type.Boolean({ description: 'The engine does its work, and a person should look nevertheless.' }),
      ),
    }),
  ),
})
const tags = ['health']
const liveSchema = {
  operationId: 'livez',
  tags,
  summary: 'Is the process alive?',
  security: [],
  response: { 200: json('It answers.', Type.Object({ alive: Type.Literal(true) })) },
}
const readySchema = {
  operationId: 'readyz',
  tags,
  summary: 'Can it do its work?',
  security: [],
  response: {
    200: json('Every check holds.', Checks),
    503: json('At least one check fails, or it is shutting down.', Checks),
  },
}
const metricsSchema = {
  operationId: 'metrics',
  tags,
  summary: 'Metrics for Prometheus',
  security: [],
  response: { 200: { description: 'The text format.', content: { 'text/plain': { schema: Type.String() } } } },
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
