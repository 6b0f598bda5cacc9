import { strict as assert } from 'node:assert'
import { createRequire } from 'node:module'
import { onTestFinished, test, vi } from 'vitest'
import '../../../src/log/kafka/link.js'

interface Request {
  readonly entry: { readonly correlationId: number; readonly resolve: () => void }
  readonly expectResponse: boolean
  readonly sendRequest: () => void
}

const Queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (options: object) => {
  push(request: Request): void
  fulfillRequest(answer: { readonly correlationId: number; readonly size: number; readonly payload: unknown }): void
  maybeThrottle(forMs: number): void
}

/** A queue with at most one request in flight, and the requests that it sent. */
function queue() {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const sent: number[] = []
  const made = new Queue({
    maxInFlightRequests: 1,
    requestTimeout: 1_000,
    enforceRequestTimeout: false,
    clientId: 'test',
    broker: 'broker:9092',
    logger: { debug: () => undefined, warn: () => undefined },
  })
  const push = (correlationId: number): void =>
    made.push({
      entry: { correlationId, resolve: () => undefined },
      expectResponse: true,
      sendRequest: () => void sent.push(correlationId),
    })
  const answer = (correlationId: number): void => made.fulfillRequest({ correlationId, size: 0, payload: undefined })
  return { push, answer, sent, throttle: (forMs: number) => made.maybeThrottle(forMs) }
}

test('a connection without waiting requests sets no timer', () => {
  const { push, answer, sent } = queue()
  push(1)
  answer(1)
  assert.deepEqual(sent, [1])
  assert.equal(vi.getTimerCount(), 0)
})

test('a waiting request is sent when the one before it is answered', () => {
  const { push, answer, sent } = queue()
  push(1)
  push(2)
  assert.deepEqual(sent, [1])
  answer(1)
  assert.deepEqual(sent, [1, 2])
})

test('a throttled request is sent when the throttle time is over', () => {
  const { push, sent, throttle } = queue()
  throttle(500)
  push(1)
  vi.advanceTimersByTime(490)
  assert.deepEqual(sent, [])
  vi.advanceTimersByTime(30)
  assert.deepEqual(sent, [1])
})
