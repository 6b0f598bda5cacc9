import { EngineError, isEngineError, messageOf } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { KafkaConnection } from './connection.js'
import { faultType, gaveUp, isOutage } from './faults.js'

/** During an outage, `wait` keeps trying; `count` counts it as a failed try, like any other fault. */
export interface Persistence {
  readonly outages: 'wait' | 'count'
  /** How long to wait during an outage; where absent, without limit. */
  readonly withinMs?: number
  /** Faults that end by themselves. They do not count as failed tries. */
  readonly isSlow?: (error: unknown) => boolean
  readonly signal?: AbortSignal
}

/**
 * Repeats `attempt`. After `limits.brokerTries` failures in a row it throws LOG_DOWN, or TOPIC_MISMATCH where no broker
 * knows the topic (brokers learn of a new topic after a moment). `what` completes "cannot ...". A long attempt calls
 * `heard` when a broker has answered it; earlier failures then no longer count.
 */
export async function persistently<T>(
  { clock, report, tls }: Pick<KafkaConnection, 'clock' | 'report' | 'tls'>,
  what: string,
  attempt: (heard: () => void) => Promise<T>,
  { outages, withinMs, isSlow = () => false, signal }: Persistence,
  isClosed: () => boolean,
): Promise<T> {
  let failures = 0
  let sinceMs: number | undefined
  const heard = (): void => {
    failures = 0
    sinceMs = undefined
  }
  for (let delayMs: number = limits.brokerDelayMs; ; delayMs = Math.min(2 * delayMs, limits.brokerDelayMaxMs)) {
    if (isClosed()) throw new EngineError('LOG_DOWN', `cannot ${what}: the log is closed`)
    try {
      return await attempt(heard)
    } catch (error) {
      if (isEngineError(error)) throw error
      if (isClosed()) continue
      const slow = isSlow(error)
      if (!slow && (outages === 'count' || !isOutage(error))) failures++
      sinceMs ??= clock.nowMs()
      const isOver = withinMs !== undefined && clock.nowMs() - sinceMs > withinMs
      if (slow && isOver) throw tooSlow(error, what, withinMs)
      if (failures >= limits.brokerTries || isOver || signal?.aborted === true)
        throw gaveUp(error, what, tls !== undefined && tls !== false)
      report?.('warn', 'waiting for the broker', { what, reason: messageOf(error), failures })
      await clock.sleep(delayMs, signal)
    }
  }
}

const tooSlow = (error: unknown, what: string, withinMs: number): EngineError =>
  new EngineError(
    'LOG_DOWN',
    `cannot ${what} within ${withinMs / 1_000} s: ${messageOf(error)}${typeText(error)}. The brokers are too busy. ` +
      'What is done stays done: repeat it later',
    { cause: error },
  )

const typeText = (error: unknown): string => {
  const type = faultType(error)
  return type === undefined || messageOf(error).includes(type) ? '' : ` (${type})`
}
