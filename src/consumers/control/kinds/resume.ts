import { kindOf } from './kind.js'
import { place, placeKey } from './place.js'

/** A stopped partition works again without an accept, because its cause is gone. */
export const resume = kindOf({ kind: 'resume', fields: place, keyOf: placeKey })
