/** /backups: the engine's part of a backup, for `tidemill backup create`; operator keys only. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { isEngineError } from '../../base/errors.js'
import type { ApiContext } from '../http/context.js'
import type { BackupHolding, HoldProgress } from '../../contracts/backups.js'
import { Refusal } from '../http/problems.js'
import { json, nullable, refusals } from '../http/shapes.js'
import { oneOf } from '../one-of.js'

const Begun = Type.Object({ id: Type.String() })
const Progress = Type.Object({
  id: Type.String(),
  state: oneOf(['writing', 'ready', 'failed'] as const),
  bytes: nullable(Type.Number({ description: 'Bytes written so far; null when the writing has ended.' })),
  message: nullable(Type.String({ description: 'The reason of a failure.' })),
  parts: nullable(
    Type.Object({
      directory: Type.String({ description: "The data directory on the engine's machine." }),
      warehouse: Type.String({ description: "Directory of ClickHouse's own backups." }),
      log: Type.Array(
        Type.Object({
          topic: Type.String(),
          partition: Type.Integer(),
          first: Type.Integer(),
          next: Type.Integer(),
          files: Type.Array(Type.Object({ path: Type.String(), base: Type.Integer(), bytes: Type.Integer() })),
        }),
      ),
    }),
  ),
})
const Params = Type.Object({ id: Type.String() })

const config = { scope: 'admin', operator: true } as const
const tags = ['backups']

const beginSchema = {
  operationId: 'beginBackup',
  tags,
  summary: "Begin the engine's part of a backup",
  description:
    "Writes the warehouse into the data directory with ClickHouse's own BACKUP, and then records the end offsets " +
    'of the log. The engine accepts and scores events meanwhile. Only one backup may run at a time.',
  response: { 202: json('The backup has begun; poll its state.', Begun), ...refusals(400, 409) },
}
const progressSchema = {
  operationId: 'getBackup',
  tags,
  summary: 'Get the state of a backup',
  params: Params,
  response: { 200: json('The state; when it is ready, the files to copy.', Progress), ...refusals(400, 404) },
}
const endSchema = {
  operationId: 'endBackup',
  tags,
  summary: "Remove the files of the engine's part",
  params: Params,
  response: {
    204: { type: 'null', description: 'The files are removed; the next backup may begin.' },
    ...refusals(400, 404),
  },
}

export function backupRoutes(app: FastifyInstance, { ports }: ApiContext): void {
  app.post('/backups', { schema: beginSchema, config }, async (_request, reply) => {
    try {
      return await reply.code(202).send({ id: await holding(ports.backups).begin() } satisfies Static<typeof Begun>)
    } catch (error) {
      if (isEngineError(error, 'LOCKED')) throw new Refusal('LOCKED', error.message, { status: 409 })
      throw error
    }
  })

  app.get<{ Params: Static<typeof Params> }>(
    '/backups/:id',
    { schema: progressSchema, config },
    async ({ params: { id } }) => {
      const progress = holding(ports.backups).progress(id)
      if (progress === undefined) throw unknown()
      return view(id, progress)
    },
  )

  app.delete<{ Params: Static<typeof Params> }>(
    '/backups/:id',
    { schema: endSchema, config },
    async (request, reply) => {
      if (!(await holding(ports.backups).end(request.params.id))) throw unknown()
      return reply.code(204).send()
    },
  )
}

function holding(backups: BackupHolding | undefined): BackupHolding {
  if (backups === undefined)
    throw new Refusal(
      'BAD_REQUEST',
      'This engine stores nothing itself: use the backups of Kafka, Redis and ClickHouse.',
    )
  return backups
}

const unknown = (): Refusal => new Refusal('NOT_FOUND', 'No backup with this id is running.')

const view = (id: string, progress: HoldProgress): Static<typeof Progress> => ({
  id,
  state: progress.state,
  bytes: progress.state === 'writing' ? progress.bytes : null,
  message: progress.state === 'failed' ? progress.message : null,
  parts:
    progress.state !== 'ready'
      ? null
      : { ...progress.parts, log: progress.parts.log.map((one) => ({ ...one, files: [...one.files] })) },
})
