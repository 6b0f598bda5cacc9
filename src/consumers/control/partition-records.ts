import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { LogRecord, NewRecord } from '../../log/event-log.js'

/** Whose work on which partition; `reader` is `scoring`, or `warehouse` and a table. */
const place = { reader: Type.String(), topic: Type.String(), partition: Type.Integer() }
/** What going on gives up; absent where only a repair helps. */
const Lost = Type.Object({ topic: Type.String(), from: Type.Integer(), to: Type.Integer() })

const Stop = Type.Object({
  kind: Type.Literal('stop'),
  ...place,
  code: Type.String(),
  message: Type.String(),
  lost: Type.Optional(Lost),
  atMs: Type.Number(),
})
const Accept = Type.Object({
  kind: Type.Literal('accept'),
  ...place,
  code: Type.String(),
  lost: Lost,
  by: Type.String(),
  why: Type.String(),
  atMs: Type.Number(),
})
const Resume = Type.Object({ kind: Type.Literal('resume'), ...place, atMs: Type.Number() })
const PartitionRecord = Type.Union([Stop, Accept, Resume])

/** A partition stands still, and why. */
export type Stop = Static<typeof Stop>
/** An operator lets it go on: who, why, and over what exactly. */
export type Accept = Static<typeof Accept>
/** It goes on without an accept: the cause is gone. */
export type Resume = Static<typeof Resume>
/** What the control topic says about partitions, beside the decisions about models. */
export type PartitionRecord = Static<typeof PartitionRecord>

export type Place = Pick<Stop, 'reader' | 'topic' | 'partition'>

export const placeKey = ({ reader, topic, partition }: Place): string => `${reader} ${topic}/${partition}`

export const recordOf = (said: PartitionRecord): NewRecord => ({
  key: Buffer.from(placeKey(said)),
  value: Buffer.from(JSON.stringify(said)),
})

/** Undefined for records of another kind. */
export function parsePartitionRecord({ value }: LogRecord): PartitionRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(value?.toString() ?? '')
    return Value.Check(PartitionRecord, parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
