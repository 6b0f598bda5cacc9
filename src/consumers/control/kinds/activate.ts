import { Type } from '@sinclair/typebox'
import { kindOf } from './kind.js'
import { scopeKey } from './scope.js'

/** A version of a model family serves a scope: `global`, or a tenant. */
export const activate = kindOf({
  kind: 'activate',
  fields: { family: Type.String(), scope: Type.String(), version: Type.String() },
  keyOf: scopeKey,
})
