import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { decodeBlock } from '../../src/log/blocks/codec.js'
import type { Block } from '../../src/log/blocks/block.js'
import type { EventLog } from '../../src/log/event-log.js'
import { openGate } from '../../src/log/blocks/gate.js'

const bound = { records: 256, bytes: 8 * 1024 * 1024 }

/** Reads the predictions of a stream from their beginning, as any reader of blocks does, until `signal` aborts. */
export async function readPredictions(
  log: EventLog,
  { stream, topics }: CompiledStream,
  onBlock: (block: Block) => void,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    Array.from({ length: stream.partitions }, async (_, partition) => {
      const reader = log.reader({ topic: topics.predictions, partition })
      const gate = openGate(-1)
      try {
        for (let next = 0; !signal.aborted;) {
          const records = await reader.read(next, bound, signal)
          for (const { value, offset } of records) {
            next = offset + 1
            const block = gate.admit(decodeBlock(value!))
            if (block !== undefined) onBlock(block)
          }
        }
      } finally {
        await reader.close()
      }
    }),
  )
}

/** Rows and their scores, summed, once there are as many as expected. */
export async function sumPredictions(
  log: EventLog,
  stream: CompiledStream,
  expected: number,
): Promise<{ readonly rows: number; readonly scoreSum: number }> {
  const complete = new AbortController()
  let rows = 0
  let scoreSum = 0
  const add = (block: Block): void => {
    rows += block.rows
    for (const score of block.scores) scoreSum += score
    if (rows >= expected) complete.abort()
  }
  await readPredictions(log, stream, add, complete.signal)
  return { rows, scoreSum }
}
