import {
  assertOfClaim,
  assertReadable,
  conflict,
  isOwned,
  type Claim,
  type StateChange,
  type StateExtent,
  type StateOwner,
  type StatePartition,
  type StateStore,
} from '../../src/state/state-store.js'

export interface MemoryBlob {
  readonly blob: Buffer
  readonly expiresAtMs: number
}

/** What is stored of one partition. */
export interface MemoryState extends StateExtent {
  readonly identity: string
  readonly blobs: ReadonlyMap<string, MemoryBlob>
  /** The puts of the last commit: the same array again is the same commit. */
  readonly puts?: StateChange['puts']
}

const placeOf = ({ stream, partition }: StatePartition): string => `${stream}/${String(partition)}`

/** A state store in memory. What a call does it does at once, before it gives its promise back. */
export class MemoryStateStore implements StateStore {
  readonly #partitions = new Map<string, MemoryState>()
  /** Goes on whatever is restored. */
  #claims = 0

  at(place: StatePartition): MemoryState | undefined {
    return this.#partitions.get(placeOf(place))
  }

  /** A copy of what is stored now, to be restored later. */
  snapshot(): ReadonlyMap<string, MemoryState> {
    return new Map(this.#partitions)
  }

  /** Everything is as it was then; what was not there then is gone. */
  restore(snapshot: ReadonlyMap<string, MemoryState>): void {
    this.#partitions.clear()
    for (const [place, state] of snapshot) this.#partitions.set(place, state)
  }

  async claim(at: StatePartition, identity: string, tailEpoch: number, covered = -1): Promise<Claim> {
    const stored = this.at(at)
    const kept =
      stored?.identity === identity ? stored : { last: -1, whole: covered, blobs: new Map<string, MemoryBlob>() }
    const epoch = 1 + Math.max(stored?.epoch ?? 0, tailEpoch)
    const claim = String(++this.#claims)
    this.#partitions.set(placeOf(at), { epoch, claim, last: kept.last, whole: kept.whole, identity, blobs: kept.blobs })
    return { epoch, claim, last: kept.last }
  }

  async load(at: StatePartition, keys: readonly string[], owner?: StateOwner): Promise<(Buffer | undefined)[]> {
    const stored = this.at(at)
    assertReadable(at, stored, owner)
    return keys.map((key) => {
      const found = stored.blobs.get(key)
      return found === undefined ? undefined : Buffer.from(found.blob)
    })
  }

  async commit({ at, epoch, claim, previous, last, puts, deletes = [] }: StateChange): Promise<void> {
    const stored = this.at(at)
    assertOfClaim(at, stored, { epoch, claim })
    if (stored.puts === puts && stored.last === last) return
    if (stored.last !== previous) throw conflict(at, stored.last, previous)
    const blobs = new Map(stored.blobs)
    for (const { key, blob, expiresAtMs } of puts) blobs.set(key, { blob: Buffer.from(blob), expiresAtMs })
    for (const key of deletes) blobs.delete(key)
    this.#partitions.set(placeOf(at), { ...stored, last, blobs, puts })
  }

  async sweep(at: StatePartition, owner: StateOwner, nowEventMs: number, entries = Infinity): Promise<number> {
    const stored = this.at(at)
    if (stored === undefined || !isOwned(stored, owner)) return 0
    const gone = [...stored.blobs].slice(0, entries).filter(([, { expiresAtMs }]) => expiresAtMs < nowEventMs)
    const blobs = new Map(stored.blobs)
    for (const [key] of gone) blobs.delete(key)
    this.#partitions.set(placeOf(at), { ...stored, blobs })
    return gone.length
  }
}
