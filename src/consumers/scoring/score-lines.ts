import { partitionOf } from '../../base/keys.js'
import { limits } from '../../base/limits.js'
import type { Block } from '../../log/blocks/block.js'
import type { NewRecord, Offset } from '../../log/event-log.js'
import type { CompiledStream } from '../ground/compiled.js'
import { recordFault } from '../ground/record-fault.js'
import type { RejectedRecord } from '../ground/rejected.js'
import { scoringFlow, type ScoringOptions } from './scoring.js'
import type { ChunkReport } from './dependencies.js'

/** The result of one line. `row` points into the block that covers it. */
export type LineResult =
  | { readonly kind: 'prediction' | 'duplicate'; readonly block: Block; readonly row: number }
  | { readonly kind: 'dead-letter'; readonly deadLetter: RejectedRecord }

/** Lines in the log at once: bounds the memory of a run over a file of any length. */
const windowLines = 20_000

/**
 * Runs lines of NDJSON through the scoring flow of one stream and yields their results in the order of the lines, a
 * window at a time. The result of a line that is no event is a dead letter.
 */
export async function* scoreLines(
  lines: AsyncIterable<Buffer>,
  stream: CompiledStream,
  options: Omit<ScoringOptions, 'streams' | 'onChunk'>,
): AsyncGenerator<readonly LineResult[]> {
  const collector = collect()
  const membership = await scoringFlow({ ...options, streams: [stream], onChunk: collector.take })
  membership.failed.catch(() => undefined)
  try {
    for await (const window of windows(lines)) {
      const waiting = await append(window, stream, options)
      yield await Promise.race([
        Promise.all(waiting.map(({ partition, offset }) => collector.result(partition, offset))),
        membership.failed,
      ])
    }
  } finally {
    await membership.leave()
  }
}

async function* windows(lines: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let window: Buffer[] = []
  for await (const line of lines) {
    window.push(line)
    if (window.length === windowLines) {
      yield window
      window = []
    }
  }
  if (window.length > 0) yield window
}

interface Place {
  readonly partition: number
  readonly offset: Offset
}

/** Appends a window, each line to the partition of its key, and returns their places in the order of the lines. */
async function append(
  window: readonly Buffer[],
  stream: CompiledStream,
  { log }: Pick<ScoringOptions, 'log'>,
): Promise<Place[]> {
  const { partitions } = stream.stream
  const batches = Array.from({ length: partitions }, () => ({ records: [] as NewRecord[], lines: [] as number[] }))
  window.forEach((value, index) => {
    const key = keyOf(stream, value)
    const batch = batches[key === null ? 0 : partitionOf(key, partitions)]!
    batch.records.push({ key, value })
    batch.lines.push(index)
  })
  const places = new Array<Place>(window.length)
  await Promise.all(
    batches.map(async ({ records, lines }, partition) => {
      for (let from = 0; from < records.length;) {
        const to = upTo(records, from)
        const first = await log.append({ topic: stream.topics.events, partition }, records.slice(from, to))
        for (let i = from; i < to; i++) places[lines[i]!] = { partition, offset: first + i - from }
        from = to
      }
    }),
  )
  return places
}

/** The end of the longest run of records from `from` that fits into one append. */
function upTo(records: readonly NewRecord[], from: number): number {
  let bytes = 0
  let to = from
  while (to < records.length && (to === from || bytes + records[to]!.value!.length + 64 < limits.appendBytes / 2))
    bytes += records[to++]!.value!.length + 64
  return to
}

function keyOf(stream: CompiledStream, value: Buffer): Buffer | null {
  try {
    return stream.codec.keyOf(stream.codec.decode(value))
  } catch (error) {
    recordFault(error)
    return null
  }
}

/** Gives results by place. The call of `result` may come before or after the result itself. */
function collect() {
  const ready = new Map<string, LineResult>()
  const asked = new Map<string, (result: LineResult) => void>()
  const put = (partition: number, offset: Offset, result: LineResult): void => {
    const key = `${partition}/${offset}`
    const resolve = asked.get(key)
    asked.delete(key)
    if (resolve === undefined) ready.set(key, result)
    else resolve(result)
  }
  return {
    take: ({ partition, block, chunk }: ChunkReport): void => {
      for (const deadLetter of chunk.dead) put(partition, deadLetter.record.offset, { kind: 'dead-letter', deadLetter })
      for (let row = 0; row < block.rows; row++)
        put(partition, block.offsets[row]!, { kind: block.kinds[row] === 0 ? 'prediction' : 'duplicate', block, row })
    },
    result: (partition: number, offset: Offset): Promise<LineResult> => {
      const key = `${partition}/${offset}`
      const known = ready.get(key)
      if (known === undefined) return new Promise((resolve) => asked.set(key, resolve))
      ready.delete(key)
      return Promise.resolve(known)
    },
  }
}
