import { decodeBlock, decodeHead } from '../../log/blocks/codec.js'
import type { Block } from '../../log/blocks/block.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'
import { openGate, type GateRules } from '../../log/blocks/gate.js'
import { readUpTo } from '../../log/read-up-to.js'

/** Rows `first` up to `end` (exclusive) of a block: those within the asked offsets. */
export interface Rows {
  readonly block: Block
  readonly first: number
  readonly end: number
}

/** Offsets, `to` exclusive. */
export interface OffsetRange {
  readonly from: Offset
  readonly to: Offset
}

const bound = { records: 64, bytes: 4 * 1024 * 1024 }
/**
 * Reading starts this many records earlier. They may repeat the first block of the range, or come from an owner that
 * was replaced.
 */
export const slackRecords = 256

/**
 * The visible results of a range of source offsets, in order: each block that covers one of them, without repetitions.
 * Ends at the end of the topic. Throws LOG_DAMAGED, and GAP if blocks are missing in between and no operator accepted
 * their loss.
 */
export async function* readBlocks(
  view: LogView,
  at: TopicPartition,
  { from, to }: OffsetRange,
  rules?: GateRules,
): AsyncGenerator<Rows> {
  const { first, next } = await view.bounds(at)
  const reader = view.reader(at)
  const { signal } = new AbortController()
  const gate = openGate(undefined, 0, rules)
  try {
    const start = Math.max(first, (await blockBefore(view, at, from, { from: first, to: next })) - slackRecords)
    for await (const records of readUpTo(reader, start, next, bound, signal)) {
      for (const { value } of records) {
        const block = value === null ? undefined : gate.admit(decodeBlock(value))
        if (block === undefined || block.last < from || block.after >= to - 1) continue
        yield { block, ...within(block, from, to) }
      }
      if ((gate.covered ?? -1) >= to - 1) return
    }
  } finally {
    await reader.close()
  }
}

/** A position of the topic before which every block ends before `offset`, found by binary search. */
export async function blockBefore(
  view: LogView,
  at: TopicPartition,
  offset: Offset,
  { from, to }: OffsetRange,
): Promise<Offset> {
  const reader = view.reader(at)
  const { signal } = new AbortController()
  let [low, high] = [from, to]
  try {
    while (high - low > slackRecords) {
      const middle = (low + high) >>> 1
      const [record] = await reader.read(middle, { records: 1, bytes: 1, until: to }, signal)
      if (record?.value instanceof Buffer && decodeHead(record.value).last < offset) low = middle
      else high = middle
    }
    return low
  } finally {
    await reader.close()
  }
}

function within({ offsets, rows }: Block, from: Offset, to: Offset): { first: number; end: number } {
  let first = 0
  let end = rows
  while (first < end && offsets[first]! < from) first++
  while (end > first && offsets[end - 1]! >= to) end--
  return { first, end }
}

/** One row of a block. The same object is used for the next row. */
export interface RowRef {
  block: Block
  row: number
}

/**
 * Walks two lists of blocks over the same offsets side by side. `visit` gets the rows of each offset in order, one of
 * them undefined where only the other has a row.
 */
export async function alignRows(
  left: AsyncIterable<Rows>,
  right: AsyncIterable<Rows>,
  visit: (left: RowRef | undefined, right: RowRef | undefined) => void,
): Promise<void> {
  const [l, r] = [walk(left), walk(right)]
  try {
    for (;;) {
      await Promise.all([l.fill(), r.fill()])
      if (l.done && r.done) return
      while ((l.ready || l.done) && (r.ready || r.done) && (l.ready || r.ready)) {
        const order = l.offset - r.offset
        visit(order <= 0 ? l.ref : undefined, order >= 0 ? r.ref : undefined)
        if (order <= 0) l.step()
        if (order >= 0) r.step()
      }
    }
  } finally {
    await Promise.all([l.close(), r.close()])
  }
}

/** A place in a list of blocks. */
function walk(blocks: AsyncIterable<Rows>) {
  const iterator = blocks[Symbol.asyncIterator]()
  const ref = {} as RowRef
  let end = 0
  let done = false
  return {
    ref,
    get done() {
      return done
    },
    get ready() {
      return ref.row < end
    },
    /** Infinity if there is no row. */
    get offset() {
      return ref.row < end ? ref.block.offsets[ref.row]! : Infinity
    },
    step() {
      ref.row++
    },
    async fill(): Promise<void> {
      while (!done && !(ref.row < end)) {
        const next = await iterator.next()
        if (next.done === true) {
          done = true
          return
        }
        ref.block = next.value.block
        ref.row = next.value.first
        end = next.value.end
      }
    },
    async close(): Promise<void> {
      await iterator.return?.()
    },
  }
}
