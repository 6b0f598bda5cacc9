/**
 * Bearer keys: `tm_<id>_<secret>`. A key belongs to one tenant or to the operator; its scopes list what it may do.
 * Only one SHA-256 of the key is stored. The secret has 256 random bits, so a slow password hash is not needed.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { everyTenant } from '../../contracts/callers.js'

export const scopes = ['events:write', 'predict', 'read', 'outcomes:write', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** A stored key. */
export interface KeyRecord {
  readonly id: string
  readonly name: string
  /** A tenant, or `everyTenant` for the operator. */
  readonly tenant: string
  readonly scopes: readonly Scope[]
  /** SHA-256 of the whole key, hex. */
  readonly sha256: string
  readonly createdAtMs: number
  readonly expiresAtMs?: number
}

export interface NewKey {
  readonly name: string
  readonly tenant: string
  readonly scopes: readonly Scope[]
  readonly expiresAtMs?: number
}

const pattern = /^tm_([0-9a-f]{12})_[0-9A-Za-z_-]{43}$/

/** Through hex, which is faster: on Node 20 it takes 1.5 us, hashing straight to a buffer 3 us. */
const sha256 = (text: string): Buffer => Buffer.from(hash('sha256', text, 'hex'), 'hex')

/** Creates a key: the record to store, and the secret text that is shown only once. */
export function createKey(wanted: NewKey, nowMs: number): { readonly key: string; readonly record: KeyRecord } {
  const id = randomBytes(6).toString('hex')
  const key = `tm_${id}_${randomBytes(32).toString('base64url')}`
  return { key, record: { id, ...wanted, sha256: sha256(key).toString('hex'), createdAtMs: nowMs } }
}

/** The holder of a verified key. */
export interface Holder {
  readonly id: string
  readonly tenant: string
  readonly scopes: ReadonlySet<Scope>
}

/** Verifies keys against a fixed set of records. */
export interface KeyRing {
  /** The holder of a key; undefined when it is malformed, unknown, expired or withdrawn. */
  verify(key: string, nowMs: number): Holder | undefined
}

/** The entry for unknown ids: the comparison runs all the same, so an unknown id takes as long as a wrong secret. */
const nobody = { hash: Buffer.alloc(32), expiresAtMs: undefined, holder: undefined }

/**
 * A key ring over records. Every call hashes the key (about 2 us): memory holds no secret, a withdrawn key stops
 * working at once, and there is no cache to bound.
 */
export function keyRing(records: readonly KeyRecord[]): KeyRing {
  const byId = new Map(
    records.map((record) => {
      const holder: Holder = { id: record.id, tenant: record.tenant, scopes: new Set(record.scopes) }
      return [record.id, { hash: Buffer.from(record.sha256, 'hex'), expiresAtMs: record.expiresAtMs, holder }]
    }),
  )
  return {
    verify(key, nowMs) {
      const id = pattern.exec(key)?.[1]
      if (id === undefined) return undefined
      const entry = byId.get(id) ?? nobody
      const same = timingSafeEqual(sha256(key), entry.hash)
      return same && (entry.expiresAtMs === undefined || nowMs < entry.expiresAtMs) ? entry.holder : undefined
    },
  }
}

/** Whether the holder may read the tenant's data: operator keys any tenant's, a tenant's key its own. */
export const maySee = (holder: Pick<Holder, 'tenant'>, tenant: string): boolean =>
  holder.tenant === everyTenant || holder.tenant === tenant
