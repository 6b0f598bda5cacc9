import { Type } from '@sinclair/typebox'

/** Which flow works on which partition; `reader` is `scoring`, or `warehouse` and a table. */
export const place = { reader: Type.String(), topic: Type.String(), partition: Type.Integer() }

/** The offsets that are lost if the partition continues, both ends included. */
export const lostOffsets = Type.Object({ topic: Type.String(), from: Type.Integer(), to: Type.Integer() })

export interface Place {
  readonly reader: string
  readonly topic: string
  readonly partition: number
}

/** Decisions about what one flow does with one partition replace each other. */
export const placeKey = ({ reader, topic, partition }: Place): string => `${reader} ${topic}/${partition}`
