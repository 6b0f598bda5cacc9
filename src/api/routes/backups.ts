/** /backups: the engine's part of a backup, for `tidemill backup create` beside it; for the operator alone. */
import type { FastifyInstance } from 'fastify'
import { Type, type Static } from '@sinclair/typebox'
import { isEngineError } from '../../base/errors.js'
import type { ApiContext } from '../http/context.js'
import type { BackupHolding, HoldProgress } from '../../contracts/backups.js'
import { Refusal } from '../http/problems.js'
import { json, nullable, refusals } from '../http/shapes.js'
import { oneOf } from '../one-of.js'

const Begun = Type.Object({ id: Type.String() })
const Standing = Type.Object({
  id: Type.String(),
  state: oneOf(['writing', 'ready', 'failed'] as const),
  bytes: nullable(Type.Number({ description: 'Written so far, while it is being written.' })),
  message: nullable(Type.String({ description: 'Why it failed.' })),
  parts: nullable(
    Type.Object({
      directory: Type.String({ description: 'The data directory, on the machine of the engine.' }),
      warehouse: Type.String({ description: "Where ClickHouse's own backups lie." }),
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
    "Writes the warehouse into the data directory by ClickHouse's own BACKUP, and then notes how far the log " +
    'is. Events are taken and scored meanwhile. One at a time.',
  response: { 202: json('It has begun; ask for its standing.', Begun), ...refusals(400, 409) },
}
const standingSchema = {
  operationId: 'getBackup',
  tags,
  summary: 'How far it is',
  params: Params,
  response: { 200: json('Its standing; once ready, what there is to copy.', Standing), ...refusals(400, 404) },
}
const endSchema = {
  operationId: 'endBackup',
  tags,
  summary: 'Remove what was written',
  params: Params,
  response: { 204: { type: 'null', description: 'It is gone, and the next one may begin.' }, ...refusals(400, 404) },
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
    { schema: standingSchema, config },
    async ({ params: { id } }) => {
      const standing = holding(ports.backups).progress(id)
      if (standing === undefined) throw unknown()
      return view(id, standing)
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
      'This engine keeps nothing itself: Kafka, Redis and ClickHouse have backups of their own.',
    )
  return backups
}

const unknown = (): Refusal => new Refusal('NOT_FOUND', 'There is no backup of this id under way.')

const view = (id: string, standing: HoldProgress): Static<typeof Standing> => ({
  id,
  state: standing.state,
  bytes: standing.state === 'writing' ? standing.bytes : null,
  message: standing.state === 'failed' ? standing.message : null,
  parts:
    standing.state !== 'ready'
      ? null
      : { ...standing.parts, log: standing.parts.log.map((one) => ({ ...one, files: [...one.files] })) },
})
