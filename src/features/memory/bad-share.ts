import { blobVersion } from './blob.js'
import { checkVersion } from './seen-ids.js'

/** Key of the blob that marks which of a partition's last records were bad. */
export const badShareKey = '#bad'

/** The share of bad records above which a partition stops. */
export interface BadShareRule {
  /** 0..1; with 1 a partition never stops. */
  readonly share: number
  /** How many of the last records count. While there are fewer, the missing ones count as good. */
  readonly records: number
}

/** The bad records up to offset `to` no longer count, because a person has accepted them. */
export interface AcceptedOffsets {
  readonly from: number
  readonly to: number
}

/**
 * Which of the last records of a partition were bad, in the order of the log. It is partition state, committed together
 * with its offset. It depends only on the log and on what was accepted, so chunks, restarts and changes of owner do not
 * change it.
 */
export class BadShare {
  readonly #allowed: number
  /** A ring of records, 1 for a bad one; `#next` is the oldest. */
  readonly #bad: Uint8Array
  #next = 0
  #count = 0
  #last: number
  #dirty = false

  /** `last` is the last offset that the blob includes. */
  constructor(rule: BadShareRule, blob: Buffer | undefined, last: number) {
    // 29 of 100 records do not exceed a share of 0.29, but in doubles 0.29 * 100 is a little less than 29.
    this.#allowed = Math.floor(rule.share * rule.records + 1e-6)
    this.#bad = new Uint8Array(rule.records)
    this.#last = last
    if (blob !== undefined) this.#open(blob)
  }

  /** The share of bad records among the last records, 0..1. */
  get share(): number {
    return this.#count / this.#bad.length
  }

  /** Whether more than the allowed share of the last records is bad. */
  get exceeded(): boolean {
    return this.#count > this.#allowed
  }

  /** Counts the next record. Returns whether too many of the last records are bad now. */
  add(offset: number, bad: boolean, accepted: readonly AcceptedOffsets[]): boolean {
    if (this.#count > 0) this.#forget(offset, accepted)
    this.#last = offset
    if (!bad && this.#count === 0) return false
    this.#push(Number(bad))
    return this.exceeded
  }

  /** When bad records were accepted between the previous record and this one, no earlier record counts any more. */
  #forget(offset: number, accepted: readonly AcceptedOffsets[]): void {
    if (!accepted.some(({ to }) => to >= this.#last && to < offset)) return
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

  /** The blob, if it changed since the last call: version, number of records, then one bit per record, oldest first. */
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

  /** Reads a blob. If it has another number of records than the rule, its last records are used. */
  #open(blob: Buffer): void {
    checkVersion(blob)
    const stored = blob.readUInt32LE(4)
    for (let i = Math.max(0, stored - this.#bad.length); i < stored; i++)
      this.#push((blob[8 + (i >> 3)]! >> (i & 7)) & 1)
    this.#dirty = false
  }
}
