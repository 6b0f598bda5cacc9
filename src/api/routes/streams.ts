/** GET /streams: the streams, and the model or heuristic that serves each of them now. */
import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import type { ApiContext } from '../http/context.js'
import { json, refusals } from '../http/shapes.js'

const schema = {
  operationId: 'listStreams',
  tags: ['streams'],
  summary: 'List the streams',
  description:
    'Returns the schema, the entities, the features in vector order, and the model or heuristic that serves now.',
  response: { 200: json('Every stream.', Type.Object({ streams: Type.Array(Type.Ref('Stream')) })), ...refusals() },
}

export function streamRoutes(app: FastifyInstance, { ports }: ApiContext): void {
  app.get('/streams', { schema, config: { scope: 'read' } }, async () => ({ streams: ports.scoring.streams() }))
}
