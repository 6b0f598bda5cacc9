import type { Clock } from '../../base/clock.js'
import { isEngineError, type EngineError, type ErrorCode } from '../../base/errors.js'
import type { Assignment } from '../../log/event-log.js'
import type { Stops } from './stops.js'

export interface GuardedOptions {
  /** `scoring`, or `warehouse` and a table. */
  readonly reader: string
  readonly assignment: Assignment
  /** Without it every stop is thrown. */
  readonly stops: Stops | undefined
  readonly clock: Clock
  /** For which stops the work starts again by itself, after this long, until it succeeds or an operator accepts. */
  readonly again?: { readonly isDue: (code: ErrorCode) => boolean; readonly afterMs: number }
}

/** The pause before the work starts again after an error of the reader. */
const readAgainMs = 200

/**
 * Works on one partition. If the work fails with an error that an operator must handle, the partition is stopped and
 * the stop is recorded in the control topic. The work starts again once an operator has accepted the stop. Other
 * partitions continue. A GAP or LOG_RESET of the partition's reader has no lost offsets and is not recorded: the work
 * starts again, and then throws the same error with the lost offsets.
 */
export async function guarded(
  { reader, assignment, stops, clock, again }: GuardedOptions,
  work: () => Promise<void>,
): Promise<void> {
  const { topic, partition, revoked } = assignment

  /** Resolves when the stop is accepted, and at the latest after this time. */
  async function pause(afterMs: number, error: EngineError): Promise<void> {
    const over = new AbortController()
    const ended = AbortSignal.any([revoked, over.signal])
    const slept = clock.sleep(afterMs, ended).then(() => over.abort())
    if (stops !== undefined && !revoked.aborted) {
      await stops.stop({ reader, topic, partition }, error, ended)
      over.abort()
    }
    await slept
  }

  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isEngineError(error) || error.disposition !== 'stop') throw error
      if (isOfTheReader(error)) await clock.sleep(readAgainMs, revoked)
      else if (again?.isDue(error.code) === true) await pause(again.afterMs, error)
      else if (stops === undefined) throw error
      else if (!revoked.aborted) await stops.stop({ reader, topic, partition }, error, revoked)
      if (revoked.aborted) return
    }
  }
}

const isOfTheReader = ({ code, lost }: EngineError): boolean =>
  (code === 'GAP' || code === 'LOG_RESET') && lost === undefined
