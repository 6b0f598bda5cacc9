import { EngineError } from '../../base/errors.js'
import type { StateChange, StateExtent, StatePartition } from '../state-store.js'

/*
 * Keys of one state partition. The hash tag puts all of them on one node, so that a script may touch them together.
 *   {stream:partition}:meta      `epoch last since commit whole claim identity`, as text: the owner, how far the state is,
 *                                the first epoch of this identity, which commit was last, the offset from which it is
 *                                whole, the owner's claim
 *   {stream:partition}:expiry    sorted set: the entity keys that have a blob, by a time not after their expiry
 *   {stream:partition}:dropped   the same of earlier identities, until a sweep has cleared them away
 *   {stream:partition}=key       one blob, after a head of 16 bytes: epoch of its writer, expiry
 * A blob whose head names an epoch before `since` is of an earlier identity and reads as absent: dropping the state is
 * one small write, and reading needs no second round trip to learn what to ask for.
 */

export interface PartitionKeys {
  readonly meta: string
  readonly expiry: string
  readonly dropped: string
  /** What the keys of blobs begin with. */
  readonly blobs: string
}

/** Throws BAD_CONFIG where the prefix has a hash tag of its own, which would win over the partition's. */
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
  /** Blobs of earlier writers are of an earlier identity. */
  readonly since: number
  readonly identity: string
}

/** Undefined for what another version wrote: a claim takes it for none. */
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
 * The values to store: each blob after its head, all in one buffer, since one copy of a commit is cheaper than
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

/** The blob in a stored value; undefined where there is none of this identity. */
export const unframed = (value: Buffer | null, since: number): Buffer | undefined =>
  value === null || value.readDoubleLE(0) < since ? undefined : value.subarray(headBytes)
