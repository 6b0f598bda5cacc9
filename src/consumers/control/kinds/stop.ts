import { Type } from '@sinclair/typebox'
import { kindOf } from './kind.js'
import { lostOffsets, place, placeKey } from './place.js'

/** A process stopped a partition, because an operator must handle its error. Without `lost` it can only be repaired. */
export const stop = kindOf({
  kind: 'stop',
  fields: { ...place, code: Type.String(), message: Type.String(), lost: Type.Optional(lostOffsets) },
  keyOf: placeKey,
})
