import { decodeHead } from '../../log/blocks/codec.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import { blockBefore, slackRecords, type OffsetRange } from '../ground/block-rows.js'

/** Consecutive source offsets whose blocks name the same control position. */
export interface Stretch {
  readonly control: Offset
  upTo: Offset
}

const bound = { records: 256, bytes: 8 * 1024 * 1024 }

/**
 * The control positions of the valid blocks that cover a range of source offsets, in order. Missing blocks are no
 * error: offsets without a block belong to the next stretch. Blocks before the control position `since` are of a source
 * topic that was recreated, and do not count.
 */
export async function controlStretches(
  view: LogView,
  at: TopicPartition,
  { from, to }: OffsetRange,
  since: Offset = 0,
): Promise<readonly Stretch[]> {
  const stretches: Stretch[] = []
  if (from >= to) return stretches
  const { first, next } = await view.bounds(at)
  const reader = view.reader(at)
  const { signal } = new AbortController()
  let epoch = 0
  let covered = -1
  try {
    const start = Math.max(first, (await blockBefore(view, at, from, { from: first, to: next })) - slackRecords)
    for await (const records of readUpTo(reader, start, next, bound, signal)) {
      for (const { value } of records) {
        const head = value === null ? undefined : decodeHead(value)
        if (head === undefined || head.epoch < epoch || head.control < since) continue
        epoch = head.epoch
        if (head.after === head.last || head.last <= covered) continue
        covered = head.last
        if (covered >= from) extend(stretches, head.control, covered)
      }
      if (covered >= to - 1) break
    }
    return stretches
  } finally {
    await reader.close()
  }
}

function extend(stretches: Stretch[], control: Offset, upTo: Offset): void {
  const last = stretches.at(-1)
  if (last?.control === control) last.upTo = upTo
  else stretches.push({ control, upTo })
}
