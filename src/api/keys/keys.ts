/**
 * Bearer keys: `tm_<id>_<secret>`. A key belongs to one tenant or to the operator and may do what its scopes say.
 * The secret has 256 random bits, so one SHA-256 (not a slow password hash) is all that is stored of it.
 */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { everyTenant } from '../../contracts/callers.js'

export const scopes = ['events:write', 'predict', 'read', 'outcomes:write', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** A key as it is stored. */
export interface KeyRecord {
  readonly id: string
  readonly name: string
  /** A tenant, or `everyTenant` for the operator. */
  readonly tenant: string
  readonly scopes: readonly Scope[]
  /** Of the whole key, hex. */
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

/** By way of hex: on Node 20 that takes 1.5 us, the same straight to a buffer 3 us. */
const sha256 = (text: string): Buffer => Buffer.from(hash('sha256', text, 'hex'), 'hex')

/** A new key: its record, and the text that is shown once and never again. */
export function createKey(wanted: NewKey, nowMs: number): { readonly key: string; readonly record: KeyRecord } {
  const id = randomBytes(6).toString('hex')
  const key = `tm_${id}_${randomBytes(32).toString('base64url')}`
  return { key, record: { id, ...wanted, sha256: sha256(key).toString('hex'), createdAtMs: nowMs } }
}

/** Who holds a verified key. */
export interface Holder {
  readonly id: string
  readonly tenant: string
  readonly scopes: ReadonlySet<Scope>
}

/** Keys of the moment, ready to verify with. */
export interface KeyRing {
  /** The holder of a key; undefined when it is malformed, unknown, expired or withdrawn. */
  verify(key: string, nowMs: number): Holder | undefined
}

/** Compared with when no key has the id, so that an unknown id takes as long as a wrong secret. */
const nobody = { hash: Buffer.alloc(32), expiresAtMs: undefined, holder: undefined }

/**
 * A key ring over records. Every call hashes the key anew (about 2 us): nothing that could be replayed is kept in
 * memory, a withdrawn key stops at once, and there is no cache to bound.
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

/** Operator keys may name any tenant; a tenant's key its own. */
export const maySee = (holder: Pick<Holder, 'tenant'>, tenant: string): boolean =>
  holder.tenant === everyTenant || holder.tenant === tenant
