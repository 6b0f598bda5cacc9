import { EngineError } from '../../base/errors.js'
import { exp2 } from '../../base/exp2.js'
import { keySeparator } from '../../base/keys.js'
import { blobVersion } from './blob.js'
import { lanes, murmur3 } from '../../base/hash.js'

/** Key of the index blob: the number of ids so far, and the number of the first id that is kept. */
export const seenIndexKey = '#seen'
/** Ids of one segment blob. One new id makes a commit rewrite at most 1,024 x 8 B = 8 KiB. */
const segmentIds = 1_024

const segmentKey = (segment: number): string => `${seenIndexKey}${keySeparator}${segment}`

export interface Blob {
  readonly key: string
  readonly blob: Buffer
}

/**
 * The last `horizon` event ids of a partition, in log order, as 64-bit hashes of tenant and id. With 200,000 remembered
 * ids, a new id counts as a repeat with a chance of 1 in 10^8. Ids are numbered as they come. They are stored in
 * segments, which are written while they fill and deleted when all of their ids are past the horizon.
 */
export class SeenIds {
  /** The number of the next id, and the number of the first id that is still remembered. */
  #next = 0
  #first = 0
  #stored = 0
  #firstStored = 0
  /**
   * High and low word of each hash, at the id's number modulo `#places`. It holds the ids within the horizon, and
   * forgotten ids of the same segments.
   */
  readonly #ring: Uint32Array
  /** Hash table with open addressing and linear probing. An entry is the place in the ring + 1, or 0 for none. */
  readonly #table: Uint32Array
  readonly #mask: number
  readonly #places: number

  constructor(readonly horizon: number) {
    const slots = exp2(Math.ceil(Math.log2(Math.max(2, horizon * 2))))
    this.#places = horizon + segmentIds
    this.#ring = new Uint32Array(horizon === 0 ? 0 : this.#places * 2)
    this.#table = new Uint32Array(slots)
    this.#mask = slots - 1
  }

  /** Remembers an id and returns whether it is new. The seeds are `idSeeds` of the tenant. */
  add({ high: highSeed, low: lowSeed }: IdSeeds, id: string): boolean {
    if (this.horizon === 0) return true
    const high = murmur3(id, highSeed) >>> 0
    const low = murmur3(id, lowSeed) >>> 0
    let slot = low & this.#mask
    for (let place = this.#table[slot]!; place !== 0; place = this.#table[slot]!) {
      if (this.#ring[place * 2 - 1] === low && this.#ring[place * 2 - 2] === high) return false
      slot = (slot + 1) & this.#mask
    }
    this.#push(high, low)
    return true
  }

  #push(high: number, low: number): void {
    if (this.#next - this.#first === this.horizon) this.#forget(this.#first++ % this.#places)
    const place = this.#next % this.#places
    this.#ring[place * 2] = high
    this.#ring[place * 2 + 1] = low
    let slot = low & this.#mask
    while (this.#table[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#table[slot] = place + 1
    this.#next++
  }

  /** Removes one place from the table and closes the gap, so that probing needs no tombstones (Knuth, 6.4 R). */
  #forget(place: number): void {
    const mask = this.#mask
    let gap = this.#ring[place * 2 + 1]! & mask
    while (this.#table[gap] !== place + 1) gap = (gap + 1) & mask
    for (let slot = (gap + 1) & mask; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#ring[this.#table[slot]! * 2 - 1]! & mask
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue
      this.#table[gap] = this.#table[slot]!
      gap = slot
    }
    this.#table[gap] = 0
  }

  /** What changed since the last call: the index, the segments that grew, and the keys of segments to delete. */
  takeDirty(): { readonly puts: readonly Blob[]; readonly deletes: readonly string[] } {
    if (this.#next === this.#stored) return { puts: [], deletes: [] }
    const puts: Blob[] = [{ key: seenIndexKey, blob: this.#index() }]
    for (let segment = segmentOf(Math.max(this.#stored, this.#first)); segment <= segmentOf(this.#next - 1); segment++)
      puts.push({ key: segmentKey(segment), blob: this.#segment(segment) })
    const deletes: string[] = []
    const storedSegments = Math.ceil(this.#stored / segmentIds)
    for (
      let segment = segmentOf(this.#firstStored);
      segment < Math.min(segmentOf(this.#first), storedSegments);
      segment++
    )
      deletes.push(segmentKey(segment))
    this.#stored = this.#next
    this.#firstStored = this.#first
    return { puts, deletes }
  }

  #index(): Buffer {
    const blob = Buffer.alloc(24)
    blob[0] = blobVersion
    blob.writeDoubleLE(this.#first, 8)
    blob.writeDoubleLE(this.#next, 16)
    return blob
  }

  /** A segment from its first id, even if that is forgotten, so that its bytes depend only on the log. */
  #segment(segment: number): Buffer {
    const from = segment * segmentIds
    const count = Math.min(this.#next - from, segmentIds)
    const blob = Buffer.alloc(8 + count * 8)
    blob[0] = blobVersion
    for (let i = 0; i < count; i++) {
      const place = (from + i) % this.#places
      blob.writeUInt32LE(this.#ring[place * 2]!, 8 + i * 8)
      blob.writeUInt32LE(this.#ring[place * 2 + 1]!, 12 + i * 8)
    }
    return blob
  }

  /** Reads the stored index and returns the keys of the segments to load, in the order that `admit` needs. */
  open(index: Buffer | undefined): readonly string[] {
    if (index === undefined || this.horizon === 0) return []
    checkVersion(index)
    this.#firstStored = index.readDoubleLE(8)
    this.#stored = this.#next = index.readDoubleLE(16)
    this.#first = this.#next
    const first = Math.max(this.#firstStored, this.#next - this.horizon)
    const keys: string[] = []
    for (let segment = segmentOf(first); segment <= segmentOf(this.#next - 1); segment++) keys.push(segmentKey(segment))
    return keys
  }

  /** Reads the segments whose keys `open` returned. */
  admit(segments: readonly (Buffer | undefined)[]): void {
    const next = this.#next
    const first = Math.max(this.#firstStored, next - this.horizon)
    this.#first = this.#next = first
    segments.forEach((blob, i) => {
      const from = (segmentOf(first) + i) * segmentIds
      const count = Math.min(next - from, segmentIds)
      if (blob?.length !== 8 + count * 8)
        throw new EngineError(
          'STATE_MISMATCH',
          `the remembered ids from ${from} on are missing or truncated: rebuild the state from the log`,
        )
      checkVersion(blob)
      for (let k = 0; k < count; k++) {
        const [high, low] = [blob.readUInt32LE(8 + k * 8), blob.readUInt32LE(12 + k * 8)]
        if (from + k >= first) this.#push(high, low)
        else this.#ring.set([high, low], ((from + k) % this.#places) * 2)
      }
    })
  }
}

/** Seeds of the two hashes of a tenant's ids. */
export interface IdSeeds {
  readonly high: number
  readonly low: number
}

export const idSeeds = (tenant: string): IdSeeds => ({
  high: murmur3(tenant, lanes.high),
  low: murmur3(tenant, lanes.low),
})

const segmentOf = (number: number): number => Math.floor(number / segmentIds)

export function checkVersion(blob: Buffer): void {
  if (blob[0] !== blobVersion)
    throw new EngineError(
      'STATE_MISMATCH',
      `a state blob has version ${blob[0] ?? 'none'}, this build reads ${blobVersion}: rebuild the state from the log`,
    )
}
