import type { Clock } from '../../base/clock.js'
import { isEngineError, type EngineError } from '../../base/errors.js'
import type { Assignment } from '../../log/event-log.js'
import type { Stop } from './partition-records.js'
import type { Stops } from './stops.js'

export interface GuardedOptions {
  /** `scoring`, or `warehouse` and a table. */
  readonly reader: string
  readonly assignment: Assignment
  /** Without it every stop is thrown. */
  readonly stops: Stops | undefined
  readonly clock: Clock
}

/** A moment before the log's ends are looked at again. */
const lookAgainMs = 200

/**
 * Works on one partition. Where the work ends with an error that a person must look at, the partition stands still,
 * says so in the control topic, and the work begins again once that is accepted; other partitions go on. What a reader
 * says of the log's ends, the work says more precisely when it begins again.
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
      if (isOfTheReader(error)) await clock.sleep(lookAgainMs, revoked)
      else if (stops === undefined) throw error
      else if (!revoked.aborted) await stops.stand({ reader, topic, partition }, error, revoked)
      if (revoked.aborted) return
    }
  }
}

const isOfTheReader = ({ code, lost }: EngineError): boolean =>
  (code === 'GAP' || code === 'LOG_RESET') && lost === undefined

/** Why a partition stands, in a line for people. */
export const stopText = ({ reader, topic, partition, code, message }: Stop): string =>
  `${reader} of ${topic}/${partition} stands with ${code}: ${message}`
