import type { EventLog, NewRecord, TopicPartition } from '../../log/event-log.js'
import { limits } from '../../base/limits.js'
import { deadLetterRecord, recordBytes } from './dead-letter-record.js'
import type { RejectedRecord } from './rejected.js'

/**
 * Appends dead letters to a partition of a dead-letter topic, with the original key, value and headers (cut where they
 * are too large for any append), and resolves when they are on disk. The topic, partition and offset of the event
 * identify a dead letter, so a repeat after a crash is the same dead letter. `version` names the build and the plan
 * that refused the records.
 */
export async function appendDeadLetters(
  log: EventLog,
  to: TopicPartition,
  from: TopicPartition,
  rejected: readonly RejectedRecord[],
  version: string,
): Promise<void> {
  let batch: NewRecord[] = []
  let bytes = 0
  for (const one of rejected) {
    const size = Math.min(recordBytes(one.record), limits.deadLetterBytes) + 2_048
    if (batch.length > 0 && bytes + size > limits.appendBytes / 2) {
      await log.append(to, batch)
      batch = []
      bytes = 0
    }
    batch.push(deadLetterRecord(from, one, version))
    bytes += size
  }
  if (batch.length > 0) await log.append(to, batch)
}
