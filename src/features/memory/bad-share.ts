import { blobVersion } from './blob.js'
import { checkVersion } from './seen-ids.js'

/** Key of the blob that says which of a partition's last records were bad. */
export const badShareKey = '#bad'

/** More than this share of the last records is too much. */
export interface BadShareRule {
  /** 0..1; with 1 nothing is ever too much. */
  readonly share: number
  /** How many records are looked at. Before there are so many, those that are not there yet count as good. */
  readonly records: number
}

/** Offsets up to `to` are no longer held against the partition: a person has looked at them. */
export interface Forgiven {
  readonly from: number
  readonly to: number
}

/**
 * Which of the last records of a partition were bad, record by record in the order of the log. Partition state: it is
 * committed with the offset it stands at and follows from the log and from what was forgiven alone, so neither chunks
 * nor restarts nor owners change it.
 */
export class BadShare {
  readonly #allowed: number
  /** A ring of records, 1 for a bad one; `#next` is the oldest. */
  readonly #bad: Uint8Array
  #next = 0
  #count = 0
  #last: number
  #dirty = false

  /** `last` is the offset that the blob stands at. */
  constructor(rule: BadShareRule, blob: Buffer | undefined, last: number) {
    // Of 100 records 29 are not more than 0.29 of them, though 0.29 * 100 is a little less than 29.
    this.#allowed = Math.floor(rule.share * rule.records + 1e-6)
    this.#bad = new Uint8Array(rule.records)
    this.#last = last
    if (blob !== undefined) this.#open(blob)
  }

  /** Bad ones of the last records, 0..1. */
  get share(): number {
    return this.#count / this.#bad.length
  }

  /** Whether more than the allowed share of the last records is bad. */
  get exceeded(): boolean {
    return this.#count > this.#allowed
  }

  /** Counts the next record and says whether it makes too many. */
  add(offset: number, bad: boolean, forgiven: readonly Forgiven[]): boolean {
    if (this.#count > 0) this.#forget(offset, forgiven)
    this.#last = offset
    if (!bad && this.#count === 0) return false
    this.#push(Number(bad))
    return this.exceeded
  }

  /** What was forgiven between the record before and this one takes everything before it along. */
  #forget(offset: number, forgiven: readonly Forgiven[]): void {
    if (!forgiven.some(({ to }) => to >= this.#last && to < offset)) return
    this.#bad.fill(0)
    this.#count = 0
    this.#dirty = true
  }

  #push(bad: number): void {
    this.#count += bad - this.#bad[this.#next]!
    this.#bad[this.#next] = bad
    this.#next = (this.#next + 1) % this.#bad.length
    this.#dirty = true
  }

  /** The blob, where it changed since the last call: version, records, then a bit for each, the oldest first. */
  takeDirty(): Buffer | undefined {
    if (!this.#dirty) return undefined
    this.#dirty = false
    const records = this.#bad.length
    const blob = Buffer.alloc(8 + Math.ceil(records / 8))
    blob[0] = blobVersion
    blob.writeUInt32LE(records, 4)
    for (let i = 0; i < records; i++)
      if (this.#bad[(this.#next + i) % records] === 1) blob[8 + (i >> 3)]! |= 1 << (i & 7)
    return blob
  }

  /** Of a blob under another rule the last records are taken. */
  #open(blob: Buffer): void {
    checkVersion(blob)
    const stored = blob.readUInt32LE(4)
    for (let i = Math.max(0, stored - this.#bad.length); i < stored; i++)
      this.#push((blob[8 + (i >> 3)]! >> (i & 7)) & 1)
    this.#dirty = false
  }
}
