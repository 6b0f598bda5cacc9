import { EngineError } from '../../base/errors.js'
import { decodeHead } from './codec.js'
import type { BlockHead, RowPlace } from './codec.js'
import { endOfTexts } from './text.js'
import type { Block, RawColumns } from './block.js'
import type { LogView, Offset, TopicPartition } from '../event-log.js'
import { readUpTo } from '../read-up-to.js'

/** What every reader of blocks uses: it admits each source offset once, even if a crash caused repeated appends. */
export interface Gate {
  /** The highest epoch so far; 0 before the first block. */
  readonly epoch: number
  /** The last admitted offset; undefined before the first block where no watermark was given. */
  readonly covered: Offset | undefined
  /**
   * The new part of the block. Undefined for a marker, a repetition, or a block of an owner that lost the partition.
   * Throws GAP when blocks between the last admitted one and this one are missing.
   */
  admit(block: Block): Block | undefined
}

/** The first index whose offset is larger than `offset`; offsets ascend. */
function indexAfter(offsets: Float64Array, offset: Offset): number {
  let low = 0
  let high = offsets.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (offsets[middle]! <= offset) low = middle + 1
    else high = middle
  }
  return low
}

const trimRaw = ({ eventIds, entities, tenants, reasons }: RawColumns, from: number): RawColumns => ({
  eventIds: eventIds.subarray(endOfTexts(eventIds, from)),
  entities: entities.subarray(endOfTexts(entities, from)),
  tenants: { values: tenants.values, of: tenants.of.subarray(from) },
  reasons: { values: reasons.values, of: reasons.of.subarray(from) },
})

/** The block without the offsets up to `covered`. Its columns are views of the block's columns. */
function trim(block: Block, covered: Offset): Block {
  const from = indexAfter(block.offsets, covered)
  return {
    ...block,
    after: covered,
    rows: block.rows - from,
    offsets: block.offsets.subarray(from),
    recordTimes: block.recordTimes.subarray(from),
    eventTimes: block.eventTimes.subarray(from),
    eventIds: block.eventIds.slice(from),
    tenants: block.tenants.slice(from),
    entities: block.entities.slice(from),
    kinds: block.kinds.subarray(from),
    by: block.by.subarray(from),
    risks: block.risks.subarray(from),
    flags: block.flags.subarray(from),
    scores: block.scores.subarray(from),
    vectors: block.vectors.subarray(from * block.width),
    versionOf: block.versionOf.subarray(from),
    reasons: block.reasons.slice(from),
    ...(block.raw === undefined ? {} : { raw: trimRaw(block.raw, from) }),
  }
}

/** What operators have accepted about the source partition of the blocks: lost offsets and recreated topics. */
export interface GateRules {
  /** Name of the source topic, for errors. */
  readonly topic: string
  /** Whether operators have accepted that the blocks of the offsets `from` to `to` are lost. */
  isLost(from: Offset, to: Offset): boolean
  /** How often the source topic had been recreated before a position of the control topic. */
  generationAt(control: Offset): number
}

/**
 * `watermark` is the last offset that this reader has taken; where undefined, the first block sets it. `seen` is the
 * highest epoch of the blocks taken. Blocks of a recreated source topic start again with its first offsets.
 */
export function openGate(watermark: Offset | undefined, seen = 0, rules?: GateRules): Gate {
  let epoch = seen
  let covered = watermark
  let generation = 0
  return {
    get epoch() {
      return epoch
    },
    get covered() {
      return covered
    },
    admit(block) {
      if (block.epoch < epoch) return undefined
      epoch = block.epoch
      const made = rules?.generationAt(block.control) ?? 0
      if (made > generation && covered !== undefined && block.after < covered) covered = block.after
      generation = Math.max(generation, made)
      covered ??= block.after
      if (block.after > covered && rules?.isLost(covered + 1, block.after) === true) covered = block.after
      if (block.last <= covered) return undefined
      if (block.after > covered) throw missingBlocks(block, covered, rules)
      const fresh = block.after === covered ? block : trim(block, covered)
      covered = block.last
      return fresh
    },
  }
}

function missingBlocks({ epoch, after }: Block, covered: Offset, rules: GateRules | undefined): EngineError {
  const message =
    `a block of epoch ${epoch} continues after offset ${after}, but the block before it covers ${covered}: the ` +
    'blocks between them are missing because of retention or damage. Restore the predictions topic, or accept that ' +
    'they are lost'
  return new EngineError(
    'GAP',
    message,
    rules === undefined ? {} : { lost: { topic: rules.topic, from: covered + 1, to: after } },
  )
}

export interface Tail {
  /** The highest epoch that claimed the partition; 0 for none. */
  readonly epoch: number
  /** The last source offset that valid blocks cover; -1 for none. */
  readonly covered: Offset
  /** The offset of the next block, at the time of reading. */
  readonly next: Offset
  /**
   * The last row of the last valid block that was read: the offset and log time of a scored source record.
   */
  readonly lastRow?: RowPlace
}

const isMarker = ({ after, last }: BlockHead): boolean => after === last

interface Stretch {
  readonly epoch: number
  readonly covered: Offset | undefined
  readonly claimed: Offset
  readonly lastRow: RowPlace | undefined
  /** Whether it contains blocks of a source topic that was recreated since. Earlier blocks do not count then. */
  readonly isWhole: boolean
}

/**
 * Summarises the last blocks of a topic. A block with a lower epoch than a block before it is not valid. The blocks may
 * start in the middle of an epoch; the claim of that epoch is then before them, and the same rule applies. Of blocks
 * before the control position `since`, only the epoch counts.
 */
function summarise(heads: readonly BlockHead[], since: Offset): Stretch {
  let epoch = 0
  let covered: Offset | undefined
  let claimed = -1
  let lastRow: RowPlace | undefined
  for (const head of heads) {
    if (head.epoch < epoch) continue
    if (head.control >= since) {
      if (isMarker(head)) claimed = Math.max(claimed, head.after)
      else covered = head.epoch > epoch ? head.last : Math.max(covered ?? -1, head.last)
      lastRow = head.lastRow ?? lastRow
    }
    epoch = head.epoch
  }
  return { epoch, covered, claimed, lastRow, isWhole: heads.some(({ control }) => control < since) }
}

/** The heads of the blocks at offsets `from` to `next - 1`. */
export async function readHeads(log: LogView, at: TopicPartition, from: Offset, next: Offset): Promise<BlockHead[]> {
  const reader = log.reader(at)
  const { signal } = new AbortController()
  const heads: BlockHead[] = []
  try {
    for await (const records of readUpTo(reader, from, next, { records: 256, bytes: 8 * 1024 * 1024 }, signal))
      for (const { value } of records) if (value !== null) heads.push(decodeHead(value))
    return heads
  } finally {
    await reader.close()
  }
}

/**
 * Reading 256 blocks of 2,000 rows, ~50 MiB, takes ~25 ms. An owner that lost its partition has at most one append in
 * flight, so at most one of its blocks comes after the claim of the next owner.
 */
const tailRecords = 256

/**
 * The end of a predictions partition: its last claim and the last offset of its valid blocks. Reads the last records,
 * and earlier ones only while these are all markers. `since` is the control position at which the source topic was
 * recreated.
 */
export async function readTail(
  log: LogView,
  at: TopicPartition,
  since: Offset = 0,
  records = tailRecords,
): Promise<Tail> {
  const { first, next } = await log.bounds(at)
  for (let window = records; ; window *= 4) {
    const from = Math.max(first, next - window)
    const { epoch, covered, claimed, lastRow, isWhole } = summarise(await readHeads(log, at, from, next), since)
    if (covered !== undefined || from === first || isWhole)
      return { epoch, covered: covered ?? claimed, next, ...(lastRow === undefined ? {} : { lastRow }) }
  }
}
