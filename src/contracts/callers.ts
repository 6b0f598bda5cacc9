/** The tenant of operator keys: it stands for every tenant. */
export const everyTenant = '*'

/** On whose behalf a call is made. */
export interface Caller {
  /** A tenant, or `everyTenant`. The API has checked that each event names this tenant or the caller is an operator. */
  readonly tenant: string
  /** Id of the key, for audit; never the key itself. */
  readonly key: string
}
