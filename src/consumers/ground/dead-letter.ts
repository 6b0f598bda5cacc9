import type { EventLog, LogRecord, NewRecord, TopicPartition } from '../../log/event-log.js'
import { limits } from '../../base/limits.js'
import { deadLetterRecord } from './dead-letter-record.js'

/** Where in its path a record was found to be bad. */
export type Stage = 'decode' | 'check'

/** A record set aside: the original bytes, where they came from, and why. */
export interface RejectedRecord {
  readonly record: LogRecord
  readonly code: string
  readonly reason: string
  readonly stage: Stage
}

/**
 * Appends dead letters to a partition of a dead-letter topic, original key, value and headers first, and resolves when
 * they are on disk. Topic, partition and offset identify one: a repeat after a crash is the same letter. `version`
 * names what set them aside.
 */
export async function appendDeadLetters(
  log: EventLog,
  to: TopicPartition,
  from: TopicPartition,
  letters: readonly RejectedRecord[],
  version: string,
): Promise<void> {
  let batch: NewRecord[] = []
  let bytes = 0
  for (const letter of letters) {
    const size = (letter.record.value?.length ?? 0) + 1_024
    if (batch.length > 0 && bytes + size > limits.appendBytes / 2) {
      await log.append(to, batch)
      batch = []
      bytes = 0
    }
    batch.push(deadLetterRecord(from, letter, version))
    bytes += size
  }
  if (batch.length > 0) await log.append(to, batch)
}
