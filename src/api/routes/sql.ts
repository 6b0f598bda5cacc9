/** POST /sql: runs a SELECT on the warehouse; operator keys only, because it reads every tenant's rows. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { limits } from '../../base/limits.js'
import type { ApiContext } from '../http/context.js'
import { json, refusals } from '../http/shapes.js'

const Body = Type.Object(
  {
    sql: Type.String({
      minLength: 1,
      maxLength: 20_000,
      description: 'One SELECT in the SQL of ClickHouse over the tables and views of the warehouse.',
    }),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.sqlRows,
        description: 'The most rows of the answer; 1,000 when absent.',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ sql: 'SELECT stream, risk, count() AS predictions FROM predictions_final GROUP BY stream, risk' }],
  },
)
const Answer = Type.Object({
  rows: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  more: Type.Boolean({ description: 'Whether there were more rows than the limit.' }),
})

const schema = {
  operationId: 'selectRows',
  tags: ['warehouse'],
  summary: 'Query the warehouse with SQL',
  description:
    "Only reads, and only the warehouse's own tables. Needs an operator key. Integers of 64 bits and more (UInt64, " +
    'Int128, count()) and decimals are strings with all their digits, because most readers of JSON round them.',
  body: Body,
  response: { 200: json('The rows, as objects by column.', Answer), ...refusals(400, 413, 415, 422) },
}

export function sqlRoutes(app: FastifyInstance, { ports }: ApiContext): void {
  app.post<{ Body: Static<typeof Body> }>(
    '/sql',
    { schema, config: { scope: 'read', operator: true } },
    async (request) => {
      const { rows, more } = await ports.queries.select(request.body.sql, request.body.limit ?? limits.apiPage)
      return { rows, more }
    },
  )
}
