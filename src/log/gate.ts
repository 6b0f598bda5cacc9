import { EngineError } from '../errors.js'
import { decodeHead } from './block-codec.js'
import type { BlockHead } from './block-codec.js'
import { endOfTexts } from './block-text.js'
import type { Block, RawColumns } from './block.js'
import type { LogView, Offset, TopicPartition } from './event-log.js'

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

/** `watermark` is the last offset this reader has taken, undefined lets the first block decide; `seen` the highest epoch by then. */
export function openGate(watermark: Offset | undefined, seen = 0): Gate {
  let epoch = seen
  let covered = watermark
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
      covered ??= block.after
      if (block.last <= covered) return undefined
      if (block.after > covered)
        throw new EngineError(
          'GAP',
          `a block of epoch ${block.epoch} goes on after offset ${block.after}, but the last one that came covers ${covered}: ` +
            'blocks between them are missing, by retention or by damage. Rebuild this reader from the source topic.',
        )
      const fresh = block.after === covered ? block : trim(block, covered)
      covered = block.last
      return fresh
    },
  }
}

export interface Tail {
  /** Highest epoch that has claimed the partition; 0 for none. */
  readonly epoch: number
  /** The last source offset that valid blocks cover; -1 for none. */
  readonly covered: Offset
}

const isMarker = ({ after, last }: BlockHead): boolean => after === last

/**
 * What a stretch of the topic's end tells. Blocks of a lower epoch behind a claim are not valid. Where the stretch
 * begins in the middle of an epoch, its claim stands before the stretch, so blocks of lower epochs in it are not valid either.
 */
function summarise(heads: readonly BlockHead[]): { readonly epoch: number; readonly covered: Offset | undefined; readonly claimed: Offset } {
  let epoch = 0
  let covered: Offset | undefined
  let claimed = -1
  for (const head of heads) {
    if (head.epoch < epoch) continue
    if (isMarker(head)) claimed = Math.max(claimed, head.after)
    else covered = head.epoch > epoch ? head.last : Math.max(covered ?? -1, head.last)
    epoch = head.epoch
  }
  return { epoch, covered, claimed }
}

async function readHeads(log: LogView, at: TopicPartition, from: Offset, next: Offset): Promise<BlockHead[]> {
  const reader = log.reader(at)
  const { signal } = new AbortController()
  const heads: BlockHead[] = []
  try {
    while (from < next) {
      const records = await reader.read(from, { records: 256, bytes: 8 * 1024 * 1024 }, signal)
      for (const { value, offset } of records) if (value !== null && offset < next) heads.push(decodeHead(value))
      from = records.at(-1)!.offset + 1
    }
    return heads
  } finally {
    await reader.close()
  }
}

/** 256 blocks of 2,000 rows are ~50 MiB, ~25 ms to read; a lost owner has one append in flight, so one record behind a claim. */
const tailRecords = 256

/**
 * The end of a predictions partition: who claimed it last and how far its valid blocks reach. Looks at the last
 * records, and further back only while those hold nothing but markers.
 */
export async function readTail(log: LogView, at: TopicPartition, records = tailRecords): Promise<Tail> {
  const { first, next } = await log.bounds(at)
  for (let window = records; ; window *= 4) {
    const from = Math.max(first, next - window)
    const { epoch, covered, claimed } = summarise(await readHeads(log, at, from, next))
    if (covered !== undefined || from === first) return { epoch, covered: covered ?? claimed }
  }
}
