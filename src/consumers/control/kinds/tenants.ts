import { Type } from '@sinclair/typebox'
import { kindOf } from './kind.js'

/** Decisions about whether the engine scores one tenant replace each other. */
const tenantKey = ({ tenant }: { readonly tenant: string }): string => `tenant/${tenant}`

/** The engine scores events of the tenant. */
export const admit = kindOf({ kind: 'admit', fields: { tenant: Type.String() }, keyOf: tenantKey })

/** The engine does not score events of the tenant any more. */
export const withdraw = kindOf({ kind: 'withdraw', fields: { tenant: Type.String() }, keyOf: tenantKey })

/** The tenants that the configuration of a process named at its start, where they differ from those before. */
export const configure = kindOf({
  kind: 'configure',
  fields: { tenants: Type.Union([Type.Literal('any'), Type.Array(Type.String())]) },
  keyOf: () => 'tenants/configuration',
})
