import { decodeBlock } from '../../src/log/blocks/codec.js'
import { rowKinds, scoredBy, type Block } from '../../src/log/blocks/block.js'
import { riskLevels } from '../../src/contracts/risks.js'
import type { LogRecord, Offset } from '../../src/log/event-log.js'

/** The visible result of one offset. */
export interface Result {
  readonly offset: Offset
  readonly control: Offset
  readonly kind: string
  readonly id: string
  readonly tenant: string
  readonly entity: string
  readonly eventTimeMs: number
  readonly recordTimeMs: number
  readonly late: boolean
  readonly by: string
  readonly risk: string
  readonly score: number
  readonly version: string
  readonly reasons: string
  readonly vector: readonly number[]
  readonly fingerprint: string
}

/** Every member but where it came from, as text that is the same if and only if all bits are. */
export const contentOf = (result: Result): string =>
  JSON.stringify({ ...result, control: undefined, score: bitsOf([result.score]), vector: bitsOf(result.vector) })

const bitsOf = (values: readonly number[]): string => Buffer.from(Float32Array.from(values).buffer).toString('hex')

/**
 * The rule of readers of blocks, written once more so that the engine's own is not the judge of itself: blocks of an
 * epoch below the highest seen do not count, and of what is repeated the first counts.
 */
export class Reading {
  readonly results = new Map<Offset, Result>()
  readonly violations: string[] = []
  covered = -1
  readonly #controls: { readonly last: Offset; readonly control: Offset }[] = []
  #epoch = 0
  #taken = 0

  take(records: readonly LogRecord[]): void {
    for (; this.#taken < records.length; this.#taken++) {
      const { value, offset } = records[this.#taken]!
      if (value !== null) this.#admit(decodeBlock(Buffer.from(value)), offset)
    }
  }

  /** The control position of the visible block that covers an offset; 0 where none does. */
  controlOf(offset: Offset): Offset {
    return this.#controls.find(({ last }) => last >= offset)?.control ?? 0
  }

  #admit(block: Block, at: Offset): void {
    if (block.epoch < this.#epoch) return
    this.#epoch = block.epoch
    if (block.last <= this.covered) return
    if (block.after > this.covered)
      this.violations.push(
        `the block at ${at} goes on after offset ${block.after}, what is visible ends with ${this.covered}`,
      )
    for (let row = 0; row < block.rows; row++)
      if (block.offsets[row]! > this.covered) this.results.set(block.offsets[row]!, resultOf(block, row))
    this.covered = block.last
    this.#controls.push({ last: block.last, control: block.control })
  }
}

export function resultOf(block: Block, row: number): Result {
  const kind = rowKinds[block.kinds[row]!]!
  return {
    offset: block.offsets[row]!,
    control: block.control,
    kind,
    id: block.eventIds[row]!,
    tenant: block.tenants[row]!,
    entity: block.entities[row]!,
    eventTimeMs: block.eventTimes[row]!,
    recordTimeMs: block.recordTimes[row]!,
    late: (block.flags[row]! & 1) === 1,
    by: scoredBy[block.by[row]!]!,
    risk: riskLevels[block.risks[row]!]!,
    score: block.scores[row]!,
    // A duplicate has no score, so what stands beside it says nothing.
    version: kind === 'duplicate' ? '' : block.versions[block.versionOf[row]!]!,
    reasons: block.reasons[row]!,
    vector: [...block.vectors.subarray(row * block.width, (row + 1) * block.width)],
    fingerprint: block.fingerprint,
  }
}
