/** The shapes of dead letters in requests and answers. */
import { Type, type Static } from '@sinclair/typebox'
import type { DeadLetter, DeadLetterFilter } from '../../contracts/dead-letters.js'
import { json, nullable, type DeadLetterShape } from '../http/shapes.js'
import { isoOf, timeOf } from '../http/times.js'

const Bytes = Type.Union([Type.Object({ text: Type.String() }), Type.Object({ base64: Type.String() })])
const next = Type.Union([Type.String(), Type.Null()], {
  description: 'Pass it as `cursor` to continue; null at the end. An empty page need not be the last one.',
})
const outcome = {
  becomes: Type.String({
    description:
      'scored, late (scored, but not folded into the state), duplicate, bad, redriven, or elsewhere: another process ' +
      'is sending it.',
  }),
  score: Type.Optional(Type.Number()),
  risk: Type.Optional(Type.String()),
  version: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
}
const Today = Type.Object(outcome, { description: 'The result if the event arrived now.' })

export const listAnswer = json('One page.', Type.Object({ letters: Type.Array(Type.Ref('DeadLetter')), next }))
export const shownAnswer = json(
  'The dead letter.',
  Type.Object({
    letter: Type.Ref('DeadLetter'),
    key: nullable(Bytes),
    value: nullable(Bytes),
    headers: Type.Record(Type.String(), Bytes),
    decoded: Type.Optional(Type.Unknown({ description: 'The event, or the JSON of a record that is not an event.' })),
    today: Today,
  }),
)
export const redriveAnswer = json(
  'One page: each dead letter with its result.',
  Type.Object({ results: Type.Array(Type.Object({ letter: Type.Ref('DeadLetter'), ...outcome })), next }),
)

interface AskedFilter {
  readonly stream?: string
  readonly partition?: number
  readonly code?: string
  readonly stage?: string
  readonly from?: string | number
  readonly to?: string | number
}

/** The filter of a request. The key decides the tenant. */
export function filterOf(
  { stream, partition, code, stage, from: since, to: until }: AskedFilter,
  tenant: string | undefined,
  fault?: 'BAD_FIELD',
): DeadLetterFilter {
  return {
    ...(tenant !== undefined && { tenant }),
    ...(stream !== undefined && { stream }),
    ...(partition !== undefined && { partition }),
    ...(code !== undefined && { code }),
    ...(stage !== undefined && { stage }),
    ...(since !== undefined && { fromMs: timeOf('from', since, fault) }),
    ...(until !== undefined && { toMs: timeOf('to', until, fault) }),
  }
}

export function deadLetterView({ timeMs, ...deadLetter }: DeadLetter): Static<typeof DeadLetterShape> {
  return { ...deadLetter, time: isoOf(timeMs) }
}
