/** /backtests and /replays: results of backtests and replays, stored in the warehouse; operator keys only. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { replayStates, type RunPlace } from '../../contracts/runs.js'
import { callerOf } from '../http/auth.js'
import { streamOf, type ApiContext } from '../http/context.js'
import { json, nullable, refusals } from '../http/shapes.js'
import { checkedByEngine } from '../http/validate.js'
import { oneOf } from '../one-of.js'

const Id = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,63}$' })
const Params = Type.Object({ id: Id })
const Ms = Type.Integer({ description: 'Epoch milliseconds.' })
const Share = nullable(Type.Number({ minimum: 0 }))
const closed = { additionalProperties: false } as const

const backtestExample = {
  id: 'sync-v2',
  stream: 'sync',
  model: 'v002',
  fingerprint: 'f3a9c1',
  fromMs: 1_767_225_600_000,
  toMs: null,
  startedMs: 1_767_686_400_000,
  finishedMs: 1_767_686_460_000,
  records: 120_000,
  replayMs: 4_100,
  rows: 90_000,
  labelled: 2_400,
  positives: 96,
  rocAuc: 0.97,
  prAuc: 0.61,
  brier: 0.02,
  servedRocAuc: 0.96,
}
const BacktestBody = Type.Object(
  {
    id: Id,
    stream: Type.String(),
    model: Type.String(),
    fingerprint: Type.String(),
    fromMs: nullable(Ms),
    toMs: nullable(Ms),
    startedMs: Ms,
    finishedMs: Ms,
    records: Type.Integer({ minimum: 0 }),
    replayMs: Type.Integer({ minimum: 0 }),
    rows: Type.Integer({ minimum: 0 }),
    labelled: Type.Integer({ minimum: 0 }),
    positives: Type.Integer({ minimum: 0 }),
    rocAuc: Share,
    prAuc: Share,
    brier: Share,
    servedRocAuc: Share,
  },
  { ...closed, examples: [backtestExample] },
)
const ReplayBody = Type.Object(
  {
    id: Id,
    state: oneOf(replayStates),
    stream: Type.String(),
    model: Type.String(),
    fromMs: nullable(Ms),
    toMs: nullable(Ms),
    rows: Type.Integer({ minimum: 0 }),
    why: Type.String({ maxLength: 1_000 }),
  },
  {
    ...closed,
    examples: [
      {
        id: 'sync-v2',
        state: 'started',
        stream: 'sync',
        model: 'v002',
        fromMs: 1_767_225_600_000,
        toMs: null,
        rows: 0,
        why: 'v001 was trained before the new domains',
      },
    ],
  },
)
const Replays = Type.Object({
  replays: Type.Array(Type.Composite([ReplayBody, Type.Object({ by: Type.String(), atMs: Ms })])),
})
const Place = Type.Object(
  {
    stream: Type.String(),
    partition: Type.Integer({ minimum: 0 }),
    position: Type.Integer({
      minimum: 0,
      description:
        'Position of the block in the log of its run. It identifies the block: a repeated block is stored once.',
    }),
  },
  closed,
)

const config = { scope: 'admin', operator: true } as const
const blockType = 'application/octet-stream'
const done = { 204: { type: 'null', description: 'Stored.' } }
const block = {
  content: { [blockType]: { schema: Type.Unsafe<Buffer>({ type: 'string', contentMediaType: blockType }) } },
}

const backtestSchema = {
  operationId: 'putBacktest',
  tags: ['backtests'],
  summary: 'Store a finished backtest',
  body: BacktestBody,
  response: { ...done, ...refusals(400, 413, 415, 422) },
}
const predictionsSchema = (operationId: string, tags: readonly string[]) => ({
  operationId,
  tags,
  summary: 'Store a block of predictions of a run',
  params: Params,
  querystring: Place,
  body: block,
  response: { ...done, ...refusals(400, 413, 415, 422, 507) },
})
const replaySchema = {
  operationId: 'decideReplay',
  tags: ['replays'],
  summary: 'Start, apply or undo a replay',
  description:
    'The control topic records each step with the key that took it. A replay has no effect until it is applied.',
  body: ReplayBody,
  response: { ...done, ...refusals(400, 413, 415, 422, 507) },
}
const listSchema = {
  operationId: 'listReplays',
  tags: ['replays'],
  summary: 'List replays, newest first',
  response: { 200: json('Each replay in the state after its last step.', Replays), ...refusals() },
}

export function runRoutes(app: FastifyInstance, context: ApiContext): void {
  const {
    ports: { runs },
    clock,
  } = context
  void app.register(async (inner) => {
    inner.addContentTypeParser(blockType, { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body))
    for (const of of ['backtest', 'replay'] as const) {
      const schema = predictionsSchema(of === 'backtest' ? 'addBacktestPredictions' : 'addReplayPredictions', [
        `${of}s`,
      ])
      inner.post<{ Params: Static<typeof Params>; Querystring: Static<typeof Place>; Body: Buffer }>(
        `/${of}s/:id/predictions`,
        { schema, config, validatorCompiler: checkedByEngine },
        async ({ params: { id }, query, body }, reply) => {
          const { topic } = streamOf(context, query.stream)
          await runs.addPredictions({ of, id, topic, ...query } satisfies RunPlace, body)
          return reply.code(204).send()
        },
      )
    }
  })

  app.post<{ Body: Static<typeof BacktestBody> }>(
    '/backtests',
    { schema: backtestSchema, config },
    async ({ body }, reply) => {
      await runs.putBacktest(body)
      return reply.code(204).send()
    },
  )

  app.post<{ Body: Static<typeof ReplayBody> }>(
    '/replays',
    { schema: replaySchema, config },
    async (request, reply) => {
      await runs.decideReplay({ ...request.body, by: callerOf(request).key, atMs: clock.nowMs() })
      return reply.code(204).send()
    },
  )

  app.get('/replays', { schema: listSchema, config }, async () => ({ replays: await runs.replays() }))
}
