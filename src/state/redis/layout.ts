import { EngineError } from '../../base/errors.js'
import type { StateChange, StateExtent, StatePartition } from '../state-store.js'

/*
 * Keys of one state partition. The hash tag puts all of them on one node, so that one script may use all of them.
 *   {stream:partition}:meta      `epoch last since commit whole claim identity`, as text: the owner's epoch, the last
 *                                offset in the state, the first epoch of this identity, the id of the last commit, the
 *                                offset from which the state is complete, the owner's claim, the identity
 *   {stream:partition}:expiry    sorted set: the entity keys that have a blob, by a time not after their expiry
 *   {stream:partition}:dropped   the same for earlier identities, until a sweep has removed their blobs
 *   {stream:partition}=key       one blob, after a head of 16 bytes: epoch of its writer, expiry
 * A blob whose head has an epoch before `since` belongs to an earlier identity and reads as absent. So dropping state
 * is one small write, and reading takes one round trip.
 */

export interface PartitionKeys {
  readonly meta: string
  readonly expiry: string
  readonly dropped: string
  /** The prefix of the keys of blobs. */
  readonly blobs: string
}

/** Throws BAD_CONFIG where the prefix contains a hash tag, which would replace the partition's. */
export function checkPrefix(keyPrefix: string): void {
  if (/[{}]/.test(keyPrefix))
    throw new EngineError(
      'BAD_CONFIG',
      `the Redis key prefix '${keyPrefix}' has a brace, which would decide the cluster slot of every key: ` +
        'leave braces out',
    )
}

export function keysOf(keyPrefix: string, { stream, partition }: StatePartition): PartitionKeys {
  const tag = `${keyPrefix}{${stream}:${partition}}`
  return { meta: `${tag}:meta`, expiry: `${tag}:expiry`, dropped: `${tag}:dropped`, blobs: `${tag}=` }
}

export interface Meta extends StateExtent {
  /** The first epoch of this identity: blobs with an earlier epoch belong to an earlier identity. */
  readonly since: number
  readonly identity: string
}

/** Undefined for text in another format. A claim then treats the partition as never claimed. */
export function metaOf(text: Buffer | null): Meta | undefined {
  const found = /^(\d+) (-?\d+) (\d+) \S+ (-?\d+) (\S+) (.*)$/s.exec(text?.toString() ?? '')
  if (found === null) return undefined
  const [, epoch, last, since, whole, claim, identity] = found
  return {
    epoch: Number(epoch),
    last: Number(last),
    since: Number(since),
    whole: Number(whole),
    claim: claim!,
    identity: identity!,
  }
}

/** Bytes of a blob's head: two little-endian doubles. */
const headBytes = 16

/**
 * The values to store: each blob after its head. All of them are in one buffer, because one large copy is cheaper than
 * thousands of small ones.
 */
export function framed(epoch: number, puts: StateChange['puts']): readonly Buffer[] {
  const all = Buffer.allocUnsafe(puts.reduce((total, { blob }) => total + headBytes + blob.length, 0))
  let at = 0
  return puts.map(({ blob, expiresAtMs }) => {
    const from = at
    at = all.writeDoubleLE(epoch, at)
    at = all.writeDoubleLE(expiresAtMs, at)
    at += blob.copy(all, at)
    return all.subarray(from, at)
  })
}

/** The blob in a stored value; undefined where it is absent or belongs to an earlier identity. */
export const unframed = (value: Buffer | null, since: number): Buffer | undefined =>
  value === null || value.readDoubleLE(0) < since ? undefined : value.subarray(headBytes)
