import { createRequire } from 'node:module'

/** The queue of requests that kafkajs keeps for each connection, as far as it matters here. */
interface RequestQueue {
  readonly pending: readonly unknown[]
  scheduleCheckPendingRequests(): void
}

/**
 * Keeps kafkajs from checking an empty queue. After every answer kafkajs 2.2.4 sets a timer with a negative time, which
 * sets itself again: a thousand calls a second for each connection, and a warning on Node 24. A request that has to
 * wait sets the timer itself, so an empty queue needs none.
 */
export function checkOnlyWaitingRequests(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    readonly prototype: RequestQueue
  }
  const { scheduleCheckPendingRequests: schedule } = prototype
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this)
  }
}
