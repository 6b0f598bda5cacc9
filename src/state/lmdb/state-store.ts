import { open, type RootDatabase } from 'lmdb'
import { EngineError, isEngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { currentBootId, markClean, prepareDirectory, stateBytes } from './directory.js'
import { blobKey, blobPrefix, metaKey, metaRange, partitionOfMeta, rangeOf } from './keys.js'
import {
  assertOfClaim,
  assertReadable,
  conflict,
  isOwned,
  newClaim,
  type Claim,
  type StateChange,
  type StateExtent,
  type StateOwner,
  type StatePartition,
  type StateStore,
} from '../state-store.js'

export interface LmdbOptions {
  readonly directory: string
  /** Id of this boot of the machine; read from the system where absent. */
  readonly bootId?: string
}

/** What `doctor` shows of one partition's state. */
export interface PartitionStat extends StatePartition {
  readonly epoch: number
  readonly last: number
  readonly identity: string
  readonly blobs: number
}

export interface LmdbStateStore extends StateStore {
  /** What was found broken at the opening and given up, a sentence each; empty as a rule. */
  readonly repairs: readonly string[]
  stat(): Promise<{ readonly bytes: number; readonly partitions: readonly PartitionStat[] }>
  /** Waits for commits under way, flushes, and leaves the directory to the next owner. */
  close(): Promise<void>
}

/**
 * Owner and extent of one partition's state. `sequence` is the entry's LMDB version: whoever writes it must have read
 * it.
 */
interface Meta extends StateExtent {
  readonly identity: string
  readonly generation: number
  readonly sequence: number
}

/**
 * State in one LMDB environment. A commit is one transaction, written on another thread: 5,000 blobs of 500 B take
 * ~40 ms there and ~10 ms of the event loop, against 45 ms written synchronously. Until a commit settles its blobs
 * must not change. One process at a time; `directory` is created.
 */
export async function openLmdbStateStore({ directory, bootId }: LmdbOptions): Promise<LmdbStateStore> {
  const boot = bootId ?? (await currentBootId())
  const { file, repairs } = await prepareDirectory(directory, boot)
  const database = open<Buffer, Buffer>({
    path: file, noSubdir: true, encoding: 'binary', keyEncoding: 'binary', useVersions: true,
    noSync: true, overlappingSync: false, noMemInit: true,
    // Its own batches of an event turn make promises that nobody can catch: a full disk would end the process.
    eventTurnBatching: false,
  }) // prettier-ignore
  const cursors = new Map<string, Buffer>()

  return {
    repairs,
    claim: (at, identity, tailEpoch, covered = -1) => claim(database, at, identity, tailEpoch, covered),
    load: async (at, keys, owner) => {
      const meta = readMeta(database, at)
      assertReadable(at, meta, owner)
      const prefix = blobPrefix(at, meta.generation)
      return keys.map((key) => database.getBinary(blobKey(prefix, key)))
    },
    commit: (change) => commit(database, change),
    sweep: (at, owner, nowEventMs, entries = limits.sweepEntries) =>
      sweep(database, cursors, at, owner, nowEventMs, entries),
    stat: async () => ({ bytes: await stateBytes(directory), partitions: partitionStats(database) }),
    close: async () => {
      await database.close()
      // Without the mark the next owner checks the file first, or begins without it: no reason to fail here.
      await markClean(directory, boot).catch(() => undefined)
    },
  }
}

function readMeta(database: RootDatabase<Buffer, Buffer>, at: StatePartition): Meta | undefined {
  const entry = database.getEntry(metaKey(at))
  if (entry === undefined) return undefined
  return { ...(JSON.parse(entry.value.toString()) as Omit<Meta, 'sequence'>), sequence: entry.version! }
}

async function claim(
  database: RootDatabase<Buffer, Buffer>,
  at: StatePartition,
  identity: string,
  tailEpoch: number,
  covered: number,
): Promise<Claim> {
  for (;;) {
    const stored = readMeta(database, at)
    const kept =
      stored?.identity === identity ? stored : { last: -1, whole: covered, generation: (stored?.generation ?? 0) + 1 }
    const claimed: Meta = {
      epoch: 1 + Math.max(stored?.epoch ?? 0, tailEpoch),
      claim: newClaim(),
      last: kept.last,
      whole: kept.whole,
      identity,
      generation: kept.generation,
      sequence: stored?.sequence ?? 0,
    }
    if (await replaceMeta(database, at, claimed, stored === undefined))
      return { epoch: claimed.epoch, claim: claimed.claim, last: claimed.last }
  }
}

async function commit(
  database: RootDatabase<Buffer, Buffer>,
  { at, epoch, claim, previous, last, puts, deletes = [] }: StateChange,
): Promise<void> {
  for (;;) {
    const meta = readMeta(database, at)
    assertOfClaim(at, meta, { epoch, claim })
    if (meta.last !== previous) throw conflict(at, meta.last, previous)
    const prefix = blobPrefix(at, meta.generation)
    const done = await replaceMeta(database, at, { ...meta, last }, false, () => {
      for (const { key, blob, expiresAtMs } of puts) void database.put(blobKey(prefix, key), blob, expiresAtMs)
      for (const key of deletes) void database.remove(blobKey(prefix, key))
    })
    if (done) return
  }
}

/**
 * Writes the meta entry and whatever `also` writes in one transaction, if the entry is still the one that was read.
 * False means that somebody else was quicker and nothing was written: look again.
 */
async function replaceMeta(
  database: RootDatabase<Buffer, Buffer>,
  at: StatePartition,
  { sequence, ...meta }: Meta,
  absent: boolean,
  also?: () => void,
): Promise<boolean> {
  const key = metaKey(at)
  const put = (): void => {
    also?.()
    void database.put(key, Buffer.from(JSON.stringify(meta)), sequence + 1)
  }
  try {
    const written = await (absent ? database.ifNoExists(key, put) : database.ifVersion(key, sequence, put))
    if (!written) database.resetReadTxn()
    return written
  } catch (error) {
    throw await storeError(error)
  }
}

/** lmdb says why a commit failed in a promise of its own, which rejects with the reason. */
async function storeError(error: unknown): Promise<EngineError> {
  if (isEngineError(error)) return error
  let cause = error
  if (error instanceof Error && 'commitError' in error)
    await Promise.resolve(error.commitError).catch((reason: unknown) => (cause = reason))
  // LMDB says EIO (5) where a write was cut short for want of room.
  const full = /no space|input\/output/i.test(messageOf(cause))
  return new EngineError(full ? 'DISK_FULL' : 'STORE_DOWN', `the state was not written: ${messageOf(cause)}`, { cause })
}

async function sweep(
  database: RootDatabase<Buffer, Buffer>,
  cursors: Map<string, Buffer>,
  at: StatePartition,
  owner: StateOwner,
  nowEventMs: number,
  entries: number,
): Promise<number> {
  const meta = readMeta(database, at)
  if (meta === undefined || !isOwned(meta, owner)) return 0
  const all = rangeOf(blobPrefix(at))
  const living = blobPrefix(at, meta.generation)
  const place = blobPrefix(at)
  const gone: Promise<boolean>[] = []
  let seen = 0
  let next: Buffer | undefined
  const batch = database.batch(() => {
    for (const { key, version } of database.getRange({
      start: cursors.get(place) ?? all.start,
      end: all.end,
      versions: true,
      limit: entries + 1,
    })) {
      if (++seen > entries) next = key
      else if (version! < nowEventMs || !key.toString().startsWith(living)) gone.push(database.remove(key, version!))
    }
  })
  if (next === undefined) cursors.delete(place)
  else cursors.set(place, next)
  try {
    const [removed] = await Promise.all([Promise.all(gone), batch])
    return removed.filter(Boolean).length
  } catch (error) {
    throw await storeError(error)
  }
}

function partitionStats(database: RootDatabase<Buffer, Buffer>): PartitionStat[] {
  return [...database.getKeys(metaRange)].map((key) => {
    const at = partitionOfMeta(key)
    const { epoch, last, identity, generation } = readMeta(database, at)!
    return { ...at, epoch, last, identity, blobs: database.getKeysCount(rangeOf(blobPrefix(at, generation))) }
  })
}
