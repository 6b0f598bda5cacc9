import { randomBytes } from 'node:crypto'
import { limits } from '../../base/limits.js'
import { connectRedis, type RedisConnection, type RedisConnectionOptions } from './connection.js'
import type { RedisServerView } from './info.js'
import { checkPrefix, framed, keysOf, metaOf, unframed, type PartitionKeys } from './layout.js'
import { claimScript, commitScript, sweepScript } from './scripts.js'
import {
  assertReadable,
  conflict,
  fenced,
  newClaim,
  type StateChange,
  type StateOwner,
  type StatePartition,
  type StateStore,
} from '../state-store.js'

export interface RedisStateOptions extends RedisConnectionOptions {
  /** The prefix of every key; without braces. */
  readonly keyPrefix?: string
}

/** What `doctor` shows about the state of one partition. */
export interface RedisPartitionStat extends StatePartition {
  readonly epoch: number
  readonly last: number
  readonly identity: string
  readonly blobs: number
  /** Blobs of earlier identities that no sweep has removed yet. */
  readonly dropped: number
}

export interface RedisStateStore extends StateStore {
  /** Undefined for a partition that was never claimed. */
  stat(at: StatePartition): Promise<RedisPartitionStat | undefined>
  /**
   * Fences the partition's owner and removes its state, so that the next claim starts with empty state. The epoch is
   * kept. Resolves with the number of removed blobs.
   */
  drop(at: StatePartition): Promise<number>
  /** What each server that holds state reports about itself. */
  inspect(): Promise<readonly RedisServerView[]>
  /** Closes the connection. An answered commit is stored, so nothing is lost. */
  close(): Promise<void>
}

export const defaultKeyPrefix = 'tidemill:'

/** No plan has this identity. */
const noIdentity = ''

/**
 * State in Redis 6.2 or newer, or in a cluster of such servers. `load` is one MGET, a commit is one script. Commits are
 * as durable as the server's persistence: after a failover or a crash that lost commits, the owner gets CONFLICT or
 * FENCED, claims again and folds from the stored offset. Throws the errors of `connectRedis`.
 */
export async function openRedisStateStore({
  keyPrefix = defaultKeyPrefix,
  ...options
}: RedisStateOptions): Promise<RedisStateStore> {
  checkPrefix(keyPrefix)
  const redis = await connectRedis(options)
  const keysAt = (at: StatePartition): PartitionKeys => keysOf(keyPrefix, at)
  const commitIds = commitIdsOf(randomBytes(9).toString('base64url'))

  const store: RedisStateStore = {
    claim: async (at, identity, tailEpoch, covered = -1) => {
      const { meta, expiry, dropped } = keysAt(at)
      const claim = newClaim()
      const [epoch, last] = texts(
        await redis.run(claimScript, [meta, expiry, dropped], [identity, tailEpoch, covered, claim]),
      )
      return { epoch: Number(epoch), claim, last: Number(last) }
    },
    load: async (at, keys, owner) => {
      if (keys.length === 0) return []
      const { meta, blobs } = keysAt(at)
      const [stored = null, ...values] = (await redis.send(
        'mget',
        meta,
        ...keys.map((key) => blobs + key),
      )) as (Buffer | null)[]
      const found = metaOf(stored)
      assertReadable(at, found, owner)
      return values.map((value) => unframed(value, found.since))
    },
    commit: (change) => commit(redis, keysAt(change.at), change, commitIds(change)),
    sweep: (at, owner, nowEventMs, entries = limits.sweepEntries) =>
      sweep(redis, keysAt(at), owner, nowEventMs, entries),
    stat: async (at) => {
      const { meta, expiry, dropped } = keysAt(at)
      const [stored, blobs, gone] = await Promise.all([
        redis.send('get', meta),
        redis.send('zcard', expiry),
        redis.send('zcard', dropped),
      ])
      const found = metaOf(stored as Buffer | null)
      if (found === undefined) return undefined
      const { epoch, last, identity } = found
      return { ...at, epoch, last, identity, blobs: blobs as number, dropped: gone as number }
    },
    drop: async (at) => {
      const claimed = await store.claim(at, noIdentity, 0)
      let gone = 0
      while ((await store.stat(at))!.dropped > 0) gone += await store.sweep(at, claimed, -Infinity)
      return gone
    },
    inspect: () => redis.inspect(),
    close: () => redis.close(),
  }
  return store
}

const texts = (reply: unknown): readonly string[] => (reply as readonly unknown[]).map(String)

/**
 * Gives each commit an id, so that the server recognises a commit that is repeated because its answer was lost. The
 * same array of puts is the same commit.
 */
function commitIdsOf(instance: string): (change: StateChange) => string {
  const known = new WeakMap<StateChange['puts'], string>()
  let made = 0
  return ({ puts }) => {
    const id = known.get(puts) ?? `${instance}.${++made}`
    known.set(puts, id)
    return id
  }
}

async function commit(
  redis: RedisConnection,
  keys: PartitionKeys,
  { at, epoch, claim, previous, last, puts, deletes = [] }: StateChange,
  id: string,
): Promise<void> {
  const touched = [...puts.map(({ key }) => keys.blobs + key), ...deletes.map((key) => keys.blobs + key)]
  const args = [epoch, previous, last, id, claim, puts.length, Buffer.byteLength(keys.blobs), ...framed(epoch, puts)]
  const [result, stored] = texts(await redis.run(commitScript, [keys.meta, keys.expiry, ...touched], args))
  if (result === 'FENCED') throw fenced(at, stored!, epoch)
  if (result === 'CONFLICT') throw conflict(at, stored!, previous)
}

/**
 * Removes blobs of earlier identities, then expired ones. Reads the keys first, because the script must be called with
 * them.
 */
async function sweep(
  redis: RedisConnection,
  keys: PartitionKeys,
  { epoch, claim, last }: StateOwner,
  nowEventMs: number,
  entries: number,
): Promise<number> {
  const clear = async (index: string, found: unknown, ofEarlier: 0 | 1): Promise<number> => {
    const blobs = texts(found).map((key) => keys.blobs + key)
    return blobs.length === 0
      ? 0
      : ((await redis.run(
          sweepScript,
          [keys.meta, index, ...blobs],
          [String(nowEventMs), Buffer.byteLength(keys.blobs), ofEarlier, epoch, claim, last],
        )) as number)
  }
  const step = Math.min(entries, limits.sweepEntries)
  const [dropped, expired] = await Promise.all([
    redis.send('zrange', keys.dropped, 0, step - 1),
    redis.send('zrangebyscore', keys.expiry, '-inf', `(${nowEventMs}`, 'LIMIT', 0, step),
  ])
  return (await clear(keys.dropped, dropped, 1)) + (await clear(keys.expiry, expired, 0))
}
