import { Type } from '@sinclair/typebox'
import { kindOf } from './kind.js'
import { scopeKey } from './scope.js'

/** No model of the family serves the scope any more. */
export const deactivate = kindOf({
  kind: 'deactivate',
  fields: { family: Type.String(), scope: Type.String() },
  keyOf: scopeKey,
})
