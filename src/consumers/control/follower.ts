import type { Clock } from '../../base/clock.js'
import type { EventLog, Offset } from '../../log/event-log.js'
import { followTopic, type Following } from '../ground/follow.js'
import { patientLog } from '../ground/retry.js'
import { controlTopic } from '../ground/topic-names.js'
import { recordOf, subjectOf, type Decision, type NewDecision, type UnknownDecision } from './decision.js'
import { controlBound, recordFolder, type Fold } from './fold.js'

export interface ControlOptions {
  readonly log: EventLog
  readonly clock: Clock
  /** The folds that take the decisions. All folds of a process share this one follower. */
  readonly folds: readonly Fold[]
  /** Makes the id of a decision: unique among all processes. */
  readonly newId: () => string
  /** Called with a sentence about every record that this build cannot read. */
  readonly report?: (message: string) => void
  /** Called when the log is unreachable; the follower tries again. */
  readonly onRetry?: (error: unknown) => void
}

/** The follower of the control topic. */
export interface Control extends Following {
  /**
   * Appends a decision and resolves with the offset after it when every fold of this process has taken it. Processes
   * that give the same `id` decide once together.
   */
  decide(decision: NewDecision, id?: string): Promise<Offset>
}

/** Folds the control topic from its beginning and follows it. Errors of the log. */
export async function followControl(options: ControlOptions): Promise<Control> {
  const { log, clock, folds, newId, report, onRetry } = options
  const folder = recordFolder(folds, (unknown) => report?.(sentenceOf(unknown)))
  const retry = { clock, ...(onRetry === undefined ? {} : { onRetry }) }
  const following = await followTopic({ log, at: controlTopic, bound: controlBound, take: folder.take, retry })
  const closing = new AbortController()
  const patient = patientLog(log, { ...retry, signal: closing.signal })
  return {
    ...following,
    async decide(made, id = newId()) {
      const decision = { ...made, id, atMs: clock.nowMs(), replaces: folder.lastOf(subjectOf(made)) } as Decision
      const offset = await patient.append(controlTopic, [recordOf(decision)])
      await Promise.race([following.until(() => following.position() > offset, closing.signal), following.failed])
      return offset + 1
    },
    close() {
      closing.abort()
      return following.close()
    },
  }
}

const sentenceOf = ({ offset, kind, family, problem }: UnknownDecision): string =>
  `${controlTopic.topic}/${controlTopic.partition}, offset ${offset}: a decision` +
  `${kind === undefined ? '' : ` of kind '${kind}'`} cannot be read: ${problem}. ` +
  (family === undefined
    ? 'This process ignores it. '
    : `No model of family ${family} scores in this process until it can be read. `) +
  'If a newer build wrote it, run that build here too.'
