import type { Clock } from '../../base/clock.js'
import { isEngineError } from '../../base/errors.js'
import type { EventLog, LogView } from '../../log/event-log.js'
import type { StateStore } from '../../state/state-store.js'

export interface RetryPolicy {
  readonly clock: Clock
  /** Ends the retries: the last error is then thrown. */
  readonly signal: AbortSignal
  /** Called after every failed attempt. */
  readonly onRetry?: (error: unknown, attempt: number) => void
}

const firstDelayMs = 20
const longestDelayMs = 5_000

/** Repeats `attempt` for as long as it fails with an error whose disposition is `retry`; any other error is thrown. */
export async function retrying<T>(attempt: () => Promise<T>, { clock, signal, onRetry }: RetryPolicy): Promise<T> {
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

type Operation<Port> = {
  [Name in keyof Port]: Port[Name] extends (...args: never[]) => Promise<unknown> ? Name : never
}[keyof Port]

/** The named operations of a port, each repeated while its dependency is unreachable. Build it once per assignment. */
export function patient<Port extends object, Name extends Operation<Port>>(
  port: Port,
  operations: readonly Name[],
  policy: RetryPolicy,
): Pick<Port, Name> {
  const retried = operations.map((name) => {
    const call = port[name] as (...args: unknown[]) => Promise<unknown>
    return [name, (...args: unknown[]) => retrying(() => call.apply(port, args), policy)]
  })
  return Object.fromEntries(retried) as Pick<Port, Name>
}

/** A log that waits while it is unreachable, its readers included. */
export function patientLog(log: EventLog, policy: RetryPolicy): EventLog
export function patientLog(log: LogView, policy: RetryPolicy): LogView
export function patientLog(log: LogView & Partial<EventLog>, policy: RetryPolicy): LogView & Partial<EventLog> {
  const { ensure, append } = log
  return {
    ...(ensure === undefined ? {} : { ensure: (spec) => retrying(() => ensure.call(log, spec), policy) }),
    ...(append === undefined ? {} : { append: (at, records) => retrying(() => append.call(log, at, records), policy) }),
    bounds: (at, sinceMs) => retrying(() => log.bounds(at, sinceMs), policy),
    reader(at) {
      const reader = log.reader(at)
      return {
        ...patient(reader, ['read'], policy),
        skip: (from) => reader.skip?.(from) ?? from,
        close: () => reader.close(),
      }
    },
  }
}

/** A state store that waits while it is unreachable. A sweep is not repeated, because the next one comes by itself. */
export const patientStore = (store: StateStore, policy: RetryPolicy): StateStore => ({
  ...patient(store, ['claim', 'load', 'commit'], policy),
  sweep: (at, owner, nowEventMs, entries) => store.sweep(at, owner, nowEventMs, entries),
})
