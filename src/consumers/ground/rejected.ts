import type { LogRecord } from '../../log/event-log.js'

/** The step that refused a record. */
export type Stage = 'decode' | 'check' | 'fold'

/** A record that cannot be scored: the original bytes, where they came from, and why. */
export interface RejectedRecord {
  readonly record: LogRecord
  readonly code: string
  readonly reason: string
  readonly stage: Stage
}
