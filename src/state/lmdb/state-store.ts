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

/** What `doctor` shows about the state of one partition. */
export interface PartitionStat extends StatePartition {
  readonly epoch: number
  readonly last: number
  readonly identity: string
  readonly blobs: number
}

export interface LmdbStateStore extends StateStore {
  /** One sentence for each damaged file that was dropped at the opening; normally empty. */
  readonly repairs: readonly string[]
  stat(): Promise<{ readonly bytes: number; readonly partitions: readonly PartitionStat[] }>
  /** Waits for commits in flight, flushes, and marks the directory as closed. */
  close(): Promise<void>
}

/**
 * Owner and extent of one partition's state. `sequence` is the LMDB version of the entry. A write succeeds only if the
 * entry still has the version that was read.
 */
interface Meta extends StateExtent {
  readonly identity: string
  readonly generation: number
  readonly sequence: number
}

/**
 * State in one LMDB environment. A commit is one transaction, which another thread writes: 5,000 blobs of 500 B take
 * ~40 ms there and ~10 ms of the event loop; a synchronous write takes 45 ms of the event loop. The blobs of a commit
 * must not change until it settles. Only one process may open the directory at a time; it is created where it is
 * missing.
 */
export async function openLmdbStateStore({ directory, bootId }: LmdbOptions): Promise<LmdbStateStore> {
  const boot = bootId ?? (await currentBootId())
  const { file, repairs } = await prepareDirectory(directory, boot)
  const database = open<Buffer, Buffer>({
    path: file, noSubdir: true, encoding: 'binary', keyEncoding: 'binary', useVersions: true,
    noSync: true, overlappingSync: false, noMemInit: true,
    // LMDB's own batches create promises that no code can catch: a full disk would end the process.
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
      // Without the mark the next owner checks the file or starts empty. So a failure here does no harm.
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
 * Writes the meta entry, and what `also` writes, in one transaction, if the entry is still the one that was read.
 * False: another writer was faster and nothing was written. The caller reads the entry again.
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

/** lmdb puts the reason of a failed commit into a separate promise, which rejects with it. */
async function storeError(error: unknown): Promise<EngineError> {
  if (isEngineError(error)) return error
  let cause = error
  if (error instanceof Error && 'commitError' in error)
    await Promise.resolve(error.commitError).catch((reason: unknown) => (cause = reason))
  // LMDB reports EIO (5) for a write that was cut short because the disk is full.
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
  const current = blobPrefix(at, meta.generation)
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
      else if (version! < nowEventMs || !key.toString().startsWith(current)) gone.push(database.remove(key, version!))
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
