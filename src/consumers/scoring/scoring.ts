import { isEngineError } from '../../base/errors.js'
import type { Assignment, ConsumerGroups, Membership } from '../../log/event-log.js'
import { createBatchTimer } from './batch-timer.js'
import type { CompiledStream } from '../ground/compiled.js'
import { guarded } from '../control/guarded.js'
import type { ScoringDependencies } from './dependencies.js'
import { scorePartition } from './partition.js'
import { scoringReader } from '../control/stops.js'

export const scoringGroup = 'tidemill-scoring'

/** The pause before this process claims a partition again that another owner took, though it is still assigned here. */
const reclaimDelayMs = 1_000

export interface ScoringOptions extends ScoringDependencies {
  readonly groups: ConsumerGroups
  readonly streams: readonly CompiledStream[]
}

/**
 * Joins the scoring group and scores every partition that is assigned here, until it is revoked. A partition that must
 * not continue is stopped; the others continue.
 */
export async function scoringFlow(options: ScoringOptions): Promise<Membership> {
  const byTopic = new Map(options.streams.map((stream) => [stream.topics.events, stream]))
  const { stops, clock } = options
  const dependencies = { ...options, timer: createBatchTimer() }
  return options.groups.join(scoringGroup, [...byTopic.keys()], (assignment) =>
    guarded({ reader: scoringReader, assignment, stops, clock }, () =>
      work(byTopic.get(assignment.topic)!, assignment, dependencies),
    ),
  )
}

async function work(stream: CompiledStream, assignment: Assignment, options: ScoringDependencies): Promise<void> {
  while (!assignment.revoked.aborted) {
    try {
      await scorePartition(stream, assignment, options)
    } catch (error) {
      if (!isEngineError(error)) throw error
      if (error.disposition === 'release') {
        options.onRetry(`${assignment.topic}/${assignment.partition}`, error)
        await options.clock.sleep(reclaimDelayMs, assignment.revoked)
      } else if (!(error.disposition === 'retry' && assignment.revoked.aborted)) throw error
    }
  }
}
