import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'

export interface Patience {
  readonly clock: Clock
  /** Ends the waiting: the last error is then thrown. */
  readonly signal: AbortSignal
  /** Told of every failed attempt. */
  readonly onRetry?: (error: unknown, attempt: number) => void
}

const firstDelayMs = 20
const longestDelayMs = 5_000

/** Repeats `attempt` for as long as it fails with an error whose disposition is `retry`; any other error is thrown. */
export async function patiently<T>(attempt: () => Promise<T>, { clock, signal, onRetry }: Patience): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (!isEngineError(error) || error.disposition !== 'retry' || signal.aborted) throw error
      onRetry?.(error, tries)
      await clock.sleep(Math.min(firstDelayMs * 2 ** (tries - 1), longestDelayMs), signal)
    }
  }
}
