/** A tenant that a decision or the configuration names. */
export interface TenantView {
  readonly tenant: string
  /** `removed`: it was scored before, and is not any more. */
  readonly state: 'known' | 'removed'
  /** Id of a key, a person's name, or `engine` where the configuration named it. */
  readonly by: string
  readonly why: string
  /** Null where the tenant is known from the beginning of the log. */
  readonly atMs: number | null
}

export interface TenantList {
  /** The configuration says `any`: every tenant is known that was not removed. */
  readonly any: boolean
  /** By name. */
  readonly tenants: readonly TenantView[]
}

/** A tenant after a decision; `changed` is false where it was so already. */
export type DecidedTenant = TenantView & { readonly changed: boolean }

/** Which tenants the engine scores, in every process. */
export interface TenantsPort {
  list(): TenantList
  /** Whether the tenant was removed: requests with its keys are refused. */
  isRemoved(tenant: string): boolean
  /** Scores events of the tenant from now on. BAD_REQUEST for a name that no tenant can have; LOG_DOWN. */
  add(tenant: string, by: string, why: string): Promise<DecidedTenant>
  /** Scores events of the tenant no more. Undefined where the tenant is not known; LOG_DOWN. */
  remove(tenant: string, by: string, why: string): Promise<DecidedTenant | undefined>
}
