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
  /** What every key begins with; no braces. */
  readonly keyPrefix?: string
}

/** What `doctor` shows of one partition's state. */
export interface RedisPartitionStat extends StatePartition {
  readonly epoch: number
  readonly last: number
  readonly identity: string
  readonly blobs: number
  /** Blobs of earlier identities that no sweep has cleared away yet. */
  readonly dropped: number
}

export interface RedisStateStore extends StateStore {
  /** Undefined for a partition that nobody ever claimed. */
  stat(at: StatePartition): Promise<RedisPartitionStat | undefined>
  /**
   * Fences the partition's owner and removes its state, so that the next claim begins empty. Epochs go on. Resolves
   * with how many blobs are gone.
   */
  drop(at: StatePartition): Promise<number>
  /** What each server that holds state says of itself. */
  inspect(): Promise<readonly RedisServerView[]>
  /** Lets go of the connection. Nothing is lost: a commit that was answered is in. */
  close(): Promise<void>
}

export const defaultKeyPrefix = 'tidemill:'

/** No plan has this identity. */
const nothing = ''

/**
 * State in Redis 6.2 or newer, or a cluster of it. `load` is one MGET, a commit one script; durable as the server's
 * persistence is: after a failover or a crash that lost the last commits the owner gets CONFLICT or FENCED, claims
 * again and folds from what is there. Errors of `connectRedis`.
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
      const claimed = await store.claim(at, nothing, 0)
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
 * Names a commit, so that one whose answer was lost knows itself again when it is repeated: the same array of puts is
 * the same commit.
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

/** First what earlier identities left, then what has expired. Keys are read first, so that the script can name them. */
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
