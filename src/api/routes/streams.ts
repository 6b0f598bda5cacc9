/** GET /streams: what is scored, and by whom now. */
import type { FastifyInstance } from 'fastify'
import { Type } from '@sinclair/typebox'
import type { ApiContext } from '../http/context.js'
import { json, refusals } from '../http/shapes.js'

const schema = {
  operationId: 'listStreams',
  tags: ['streams'],
  summary: 'The streams',
  description: 'Schema, entities, features in the order of the vector, and who serves now.',
  response: { 200: json('Every stream.', Type.Object({ streams: Type.Array(Type.Ref('Stream')) })), ...refusals() },
}

export function streamRoutes(app: FastifyInstance, { ports }: ApiContext): void {
  app.get('/streams', { schema, config: { scope: 'read' } }, async () => ({ streams: ports.scoring.streams() }))
}
