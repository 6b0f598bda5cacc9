import type { EventLog, LogRecord, NewRecord, TopicPartition } from '../log/event-log.js'
import { limits } from '../limits.js'

/** Where in its path a record was found to be bad. */
export type Stage = 'decode' | 'check'

/** A record set aside: the original bytes, where they came from, and why. */
export interface DeadLetter {
  readonly record: LogRecord
  readonly code: string
  readonly reason: string
  readonly stage: Stage
}

/**
 * Appends dead letters to a partition of a dead-letter topic, original key, value and headers first, and resolves when
 * they are on disk. The origin (topic, partition, offset) identifies one: a repeat after a crash is the same letter.
 */
export async function appendDeadLetters(log: EventLog, to: TopicPartition, from: TopicPartition, letters: readonly DeadLetter[]): Promise<void> {
  let batch: NewRecord[] = []
  let bytes = 0
  for (const letter of letters) {
    const size = (letter.record.value?.length ?? 0) + 1_024
    if (batch.length > 0 && bytes + size > limits.appendBytes / 2) {
      await log.append(to, batch)
      batch = []
      bytes = 0
    }
    batch.push(recordOf(from, letter))
    bytes += size
  }
  if (batch.length > 0) await log.append(to, batch)
}

function recordOf(from: TopicPartition, { record, code, reason, stage }: DeadLetter): NewRecord {
  const said: Record<string, string> = {
    'dead-letter-topic': from.topic,
    'dead-letter-partition': String(from.partition),
    'dead-letter-offset': String(record.offset),
    'dead-letter-timestamp': String(record.timestampMs),
    'dead-letter-code': code,
    'dead-letter-stage': stage,
    'dead-letter-reason': reason.slice(0, 1_000),
  }
  const headers = { ...record.headers }
  for (const [name, value] of Object.entries(said)) headers[name] = Buffer.from(value)
  return { key: record.key, value: record.value, headers, timestampMs: record.timestampMs }
}
