/** POST /sql: runs a SELECT on the warehouse; operator keys only, because it reads every tenant's rows. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { limits } from '../../base/limits.js'
import type { ApiContext } from '../http/context.js'
import { answerFormats, type AnswerFormat } from '../../contracts/predictions.js'
import { refusals } from '../http/shapes.js'

const Body = Type.Object(
  {
    sql: Type.String({
      minLength: 1,
      maxLength: 20_000,
      description:
        'One SELECT in the SQL of ClickHouse over the tables and views of the warehouse, an EXPLAIN of one, or ' +
        'SHOW TABLES, SHOW CREATE TABLE, DESCRIBE or EXISTS.',
    }),
    format: Type.Optional(
      Type.Union(
        answerFormats.map((format) => Type.Literal(format)),
        {
          description:
            'The answer is a file of this format instead of JSON. CSV and TSV begin with the names of the columns. ' +
            'More rows than `limit` are then an error, so that no file is cut.',
        },
      ),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.sqlRows,
        description: 'The most rows of the answer; 1,000 when absent, with a `format` as many as are allowed.',
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

const types: Readonly<Record<AnswerFormat, string>> = {
  CSV: 'text/csv; charset=utf-8; header=present',
  TSV: 'text/tab-separated-values; charset=utf-8',
  JSONEachRow: 'application/x-ndjson',
  Parquet: 'application/vnd.apache.parquet',
}

const file = { schema: Type.String({ format: 'binary' }) }
const answerResponse = {
  description: 'The rows, as objects by column, or a file.',
  content: {
    'application/json': { schema: Answer },
    ...Object.fromEntries(Object.values(types).map((type) => [type.split(';')[0]!, file])),
  },
}

const schema = {
  operationId: 'selectRows',
  tags: ['warehouse'],
  summary: 'Query the warehouse with SQL',
  description:
    "Only reads, and only the warehouse's own tables. Needs an operator key. Integers of 64 bits and more (UInt64, " +
    'Int128, count()) and decimals are strings with all their digits, because most readers of JSON round them.',
  body: Body,
  response: { 200: answerResponse, ...refusals(400, 413, 415, 422) },
}

export function sqlRoutes(app: FastifyInstance, { ports }: ApiContext): void {
  app.post<{ Body: Static<typeof Body> }>(
    '/sql',
    { schema, config: { scope: 'read', operator: true } },
    async ({ body: { sql, limit, format } }, reply) => {
      if (format !== undefined)
        return reply.type(types[format]).send(await ports.queries.answer(sql, limit ?? limits.sqlRows, format))
      const { rows, more } = await ports.queries.select(sql, limit ?? limits.apiPage)
      return { rows, more }
    },
  )
}
