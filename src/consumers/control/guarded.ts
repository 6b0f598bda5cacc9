import type { Clock } from '../../base/clock.js'
import { isEngineError, type EngineError } from '../../base/errors.js'
import type { Assignment } from '../../log/event-log.js'
import type { Stops } from './stops.js'

export interface GuardedOptions {
  /** `scoring`, or `warehouse` and a table. */
  readonly reader: string
  readonly assignment: Assignment
  /** Without it every stop is thrown. */
  readonly stops: Stops | undefined
  readonly clock: Clock
}

/** The pause before the log's ends are read again. */
const readAgainMs = 200

/**
 * Works on one partition. Where the work ends with an error that a person must look at, the partition is stopped, its
 * stop is recorded in the control topic, and the work starts again once an operator has accepted it; other partitions
 * continue. An error of the partition's reader about the log's ends is not recorded: the work starts again, and then
 * reports the same with the offsets that are lost.
 */
export async function guarded(
  { reader, assignment, stops, clock }: GuardedOptions,
  work: () => Promise<void>,
): Promise<void> {
  const { topic, partition, revoked } = assignment
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isEngineError(error) || error.disposition !== 'stop') throw error
      if (isOfTheReader(error)) await clock.sleep(readAgainMs, revoked)
      else if (stops === undefined) throw error
      else if (!revoked.aborted) await stops.stop({ reader, topic, partition }, error, revoked)
      if (revoked.aborted) return
    }
  }
}

const isOfTheReader = ({ code, lost }: EngineError): boolean =>
  (code === 'GAP' || code === 'LOG_RESET') && lost === undefined
