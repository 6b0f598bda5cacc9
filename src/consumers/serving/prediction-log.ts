import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { EventLog, NewRecord } from '../../log/event-log.js'
import { patient } from '../ground/retry.js'
import { apiPredictionsTopic } from '../ground/topic-names.js'

export interface PredictionLogOptions {
  readonly log: Pick<EventLog, 'append'>
  readonly clock: Clock
  /** An append failed; it is tried again. */
  readonly onRetry: (error: unknown) => void
  /** An answered prediction did not get into the log: the engine stopped while the log was away, or it is refused. */
  readonly onLost: (error: unknown) => void
}

/**
 * Logs answered predictions behind the answer: a caller waits for the score, not for the disk. What is not in yet is
 * tried again for as long as the engine runs and is in the log when it stops; a kill loses the last of it.
 */
export interface PredictionLog {
  /**
   * Resolves at once, or, where the caller wants it or too many wait already, when the record is durable; then it
   * throws LOG_DOWN or DISK_FULL.
   */
  write(record: NewRecord, durable: boolean): Promise<void>
  /** Resolves when nothing waits any more. */
  close(): Promise<void>
}

export function openPredictionLog({ log, clock, onRetry, onLost }: PredictionLogOptions): PredictionLog {
  const stopping = new AbortController()
  const waiting = new Set<Promise<void>>()
  const patientLog = patient(log, ['append'], { clock, signal: stopping.signal, onRetry })
  return {
    async write(record, durable) {
      if (durable || waiting.size >= limits.unloggedPredictions)
        return void (await log.append(apiPredictionsTopic, [record]))
      const logged: Promise<void> = patientLog
        .append(apiPredictionsTopic, [record])
        .then(() => undefined, onLost)
        .finally(() => waiting.delete(logged))
      waiting.add(logged)
    },
    async close() {
      stopping.abort()
      await Promise.all(waiting)
    },
  }
}
