import { Type } from '@sinclair/typebox'
import { kindOf } from './kind.js'
import { lostOffsets, place, placeKey } from './place.js'

/** An operator lets a stopped partition continue, and accepts the loss of exactly these offsets. */
export const accept = kindOf({
  kind: 'accept',
  fields: { ...place, code: Type.String(), lost: lostOffsets },
  keyOf: placeKey,
})
