import type { Clock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { EventLog, NewRecord } from '../../log/event-log.js'
import { patient } from '../ground/retry.js'
import { apiPredictionsTopic } from '../ground/topic-names.js'

export interface PredictionLogOptions {
  readonly log: Pick<EventLog, 'append'>
  readonly clock: Clock
  /** Called after every failed append that is tried again. */
  readonly onRetry: (error: unknown) => void
  /** Called when an answered prediction is not in the log: the log refused it, or was down when the engine stopped. */
  readonly onLost: (error: unknown) => void
}

/**
 * Appends predictions after the answer, so that a caller does not wait for the disk. It retries for as long as the
 * engine runs. A clean stop loses nothing while the log is up; a kill loses the predictions that are not appended yet.
 */
export interface PredictionLog {
  /**
   * Resolves at once, and appends in the background. With `durable`, or when too many records wait already, it resolves
   * when the record is durable, and throws LOG_DOWN or DISK_FULL.
   */
  write(record: NewRecord, durable: boolean): Promise<void>
  /** Ends the retries; resolves when every append has ended. */
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
