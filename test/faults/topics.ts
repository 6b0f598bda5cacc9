import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import type { EventLog, LogRecord } from '../../src/log/event-log.js'

/** All records of a partition that are there now. */
export async function readAll(log: EventLog, topic: string, partition: number): Promise<readonly LogRecord[]> {
  const { first, next } = await log.bounds({ topic, partition })
  const reader = log.reader({ topic, partition })
  const { signal } = new AbortController()
  const all: LogRecord[] = []
  try {
    for (let from = first; from < next; from = all.at(-1)!.offset + 1)
      for (const record of await reader.read(from, { records: 10_000, bytes: 8 * 1024 * 1024 }, signal))
        all.push({
          ...record,
          value: record.value && Buffer.from(record.value),
          key: record.key && Buffer.from(record.key),
        })
    return all
  } finally {
    await reader.close()
  }
}

/** By partition: what producers brought into the stream's topic. */
export const inputOf = (
  { stream, topics }: CompiledStream,
  log: EventLog,
): Promise<readonly (readonly LogRecord[])[]> =>
  Promise.all(Array.from({ length: stream.partitions }, (_, partition) => readAll(log, topics.events, partition)))
