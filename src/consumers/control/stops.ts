import { EngineError } from '../../base/errors.js'
import type { StoppedPartition } from '../../contracts/partitions.js'
import type { TopicPartition } from '../../log/event-log.js'
import type { Control } from './follower.js'
import type { Place } from './kinds/place.js'
import { isSameStop, type Accepted, type StopsFold } from './stops-fold.js'

/** The flow that folds events and publishes blocks, as stops name it. */
export const scoringReader = 'scoring'

/** The stop to accept: of one partition, and if several flows stopped there, of one `reader` or with one `code`. */
export interface AcceptRequest extends TopicPartition {
  readonly reader?: string
  readonly code?: string
}

/** Which partitions are stopped, in any process, and what operators have accepted; follows the control topic. */
export interface Stops {
  stopped(): readonly StoppedPartition[]
  accepted(): readonly Accepted[]
  /** Records that a partition is stopped, once. Resolves when its stop is accepted or `signal` aborts. */
  stop(place: Place, error: EngineError, signal: AbortSignal): Promise<void>
  /** The partition works again: records that a stop which nobody accepted has been repaired. */
  resume(place: Place): Promise<void>
  /**
   * Accepts the stop and resolves with what was accepted. Throws BAD_REQUEST if no such stop exists, or if it can only
   * be repaired.
   */
  accept(request: AcceptRequest, by: string, why: string): Promise<readonly Accepted[]>
}

const engine = { by: 'engine' } as const

export function stopsOf(control: Pick<Control, 'decide' | 'until'>, fold: StopsFold): Stops {
  return {
    stopped: () => fold.stopped(),
    accepted: () => fold.accepted(),
    async stop({ reader, topic, partition }, { code, message, lost }, signal) {
      const place = { reader, topic, partition }
      const known = fold.stopOf(place)
      if (known === undefined || !isSameStop(known, { code, lost }))
        await control.decide({
          kind: 'stop',
          ...place,
          code,
          message,
          ...(lost === undefined ? {} : { lost: { ...lost } }),
          ...engine,
          why: 'an operator must accept or repair it',
        })
      await control.until(() => fold.stopOf(place) === undefined, signal)
    },
    async resume({ reader, topic, partition }) {
      const place = { reader, topic, partition }
      if (fold.stopOf(place) !== undefined)
        await control.decide({ kind: 'resume', ...place, ...engine, why: 'the cause of the stop is gone' })
    },
    async accept(request, by, why) {
      const before = fold.accepted().length
      for (const { reader, topic, partition, code, lost } of acceptable(fold.stopped(), request))
        await control.decide({ kind: 'accept', reader, topic, partition, code, lost: lost!, by, why })
      return fold.accepted().slice(before)
    },
  }
}

/** The stops that a request names and that an operator can accept, because they name lost offsets. */
function acceptable(
  stopped: readonly StoppedPartition[],
  { topic, partition, reader, code }: AcceptRequest,
): readonly StoppedPartition[] {
  const meant = stopped.filter(
    (stop) =>
      stop.topic === topic &&
      stop.partition === partition &&
      (reader ?? stop.reader) === stop.reader &&
      (code ?? stop.code) === stop.code,
  )
  const found = meant.filter(({ lost }) => lost !== null)
  if (found.length > 0) return found
  const [repair] = meant
  throw new EngineError(
    'BAD_REQUEST',
    repair === undefined
      ? `no stop of ${topic}/${partition} can be accepted: it has no such stop`
      : `${repair.code} of ${topic}/${partition} cannot be accepted, it has to be repaired: ${repair.message}`,
  )
}

/** A stopped partition in one line of text. */
export const stopText = ({ reader, topic, partition, code, message }: StoppedPartition): string =>
  `${reader} of ${topic}/${partition} is stopped with ${code}: ${message}`
