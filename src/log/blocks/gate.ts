import { EngineError } from '../../base/errors.js'
import { decodeHead } from './codec.js'
import type { BlockHead, RowPlace } from './codec.js'
import { endOfTexts } from './text.js'
import type { Block, RawColumns } from './block.js'
import type { LogView, Offset, TopicPartition } from '../event-log.js'
import { readUpTo } from '../read-up-to.js'

/** The rule of every reader of blocks: each source offset passes once, whatever was appended again after a crash. */
export interface Gate {
  /** Highest epoch seen; 0 before the first block. */
  readonly epoch: number
  /** The last offset that has passed; undefined while nothing is known. */
  readonly covered: Offset | undefined
  /**
   * The part of the block that is new, or undefined: a marker, a repetition, or the words of an owner that lost the
   * partition. Throws GAP when blocks are missing between what has passed and this one.
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

/** The block without the offsets up to `covered`. Columns are views of the old ones. */
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

/** What operators have accepted of the source partition whose offsets the blocks name. */
export interface GateRules {
  /** The source topic, for errors. */
  readonly topic: string
  /** The offsets `from` to `to` are given up: their blocks are missing and will not come. */
  isLost(from: Offset, to: Offset): boolean
  /** How often the source topic had been made anew by a position of the control topic. */
  generationAt(control: Offset): number
}

/**
 * `watermark` is the last offset this reader has taken, undefined lets the first block decide; `seen` the highest epoch
 * by then. Blocks of a source topic that was made anew begin again with its first offsets.
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
    `a block of epoch ${epoch} goes on after offset ${after}, but the last one that came covers ${covered}: ` +
    'blocks between them are missing, by retention or by damage. Restore the predictions topic, or accept that ' +
    'they are lost'
  return new EngineError(
    'GAP',
    message,
    rules === undefined ? {} : { lost: { topic: rules.topic, from: covered + 1, to: after } },
  )
}

export interface Tail {
  /** Highest epoch that has claimed the partition; 0 for none. */
  readonly epoch: number
  /** The last source offset that valid blocks cover; -1 for none. */
  readonly covered: Offset
  /** Where the topic ended: the offset of the next block. */
  readonly next: Offset
  /**
   * The last row of the last valid block that was looked at: which record of the source was scored there, by its log
   * time.
   */
  readonly lastRow?: RowPlace
}

const isMarker = ({ after, last }: BlockHead): boolean => after === last

interface Stretch {
  readonly epoch: number
  readonly covered: Offset | undefined
  readonly claimed: Offset
  readonly lastRow: RowPlace | undefined
  /** It reaches back to blocks of a source topic that was made anew since: nothing before them counts. */
  readonly isWhole: boolean
}

/**
 * What a stretch of the topic's end tells. Blocks of a lower epoch behind a claim are not valid. Where the stretch
 * begins in the middle of an epoch, its claim stands before the stretch, so blocks of lower epochs in it are not valid
 * either. Blocks from before the control position `since` tell their epochs alone.
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
 * 256 blocks of 2,000 rows are ~50 MiB, ~25 ms to read; a lost owner has one append in flight, so one record behind a
 * claim.
 */
const tailRecords = 256

/**
 * The end of a predictions partition: who claimed it last and how far its valid blocks reach. Looks at the last
 * records, and further back only while those hold nothing but markers. `since` is the control position at which the
 * source topic was made anew.
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
