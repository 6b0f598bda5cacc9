import { limits } from '../../base/limits.js'
import type { Offset } from '../event-log.js'
import { send } from './broker.js'
import type { LinkedBroker } from './broker.js'
import { produceRequest } from './wire.js'
import type { Produced } from './wire.js'

interface Waiting extends Produced {
  readonly resolve: (first: Offset) => void
  readonly reject: (error: unknown) => void
}

/**
 * Sends batches to the brokers. Batches of different partitions that are ready at the same moment, or while a request
 * is in flight, share a request: a broker handles the requests of a connection one after another, and a request costs
 * it more than the batches in it.
 */
export class KafkaProduces {
  readonly #timeoutMs: number
  /** The waiting batches of each broker. A broker in this map has a request in flight, or one is about to start. */
  readonly #waiting = new Map<LinkedBroker, Waiting[]>()

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Resolves with the batch's first offset. A partition has at most one batch here at a time. */
  produce(broker: LinkedBroker, produced: Produced): Promise<Offset> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(broker)
      if (waiting !== undefined) return void waiting.push({ ...produced, resolve, reject })
      this.#waiting.set(broker, [{ ...produced, resolve, reject }])
      // Batches that become ready in this turn of the event loop share the request.
      setImmediate(() => void this.#run(broker))
    })
  }

  async #run(broker: LinkedBroker): Promise<void> {
    const waiting = this.#waiting.get(broker)!
    let together: Waiting[] = []
    try {
      while (waiting.length > 0) {
        together = takeTogether(waiting)
        const results = await send(broker, produceRequest(together, this.#timeoutMs), this.#timeoutMs)
        for (const [i, { resolve, reject }] of together.entries()) {
          const result = results[i]!
          if (typeof result === 'number') resolve(result)
          else reject(result)
        }
      }
    } catch (error) {
      // The connection failed, so all waiting batches fail too. Their appenders retry with a new connection.
      for (const { reject } of [...together, ...waiting]) reject(error)
    } finally {
      this.#waiting.delete(broker)
    }
  }
}

/** Removes and returns the oldest batches, at least one, of together at most the bytes of one append. */
function takeTogether(waiting: Waiting[]): Waiting[] {
  let bytes = 0
  let taken = 0
  for (const { batch } of waiting) {
    if (taken > 0 && bytes + batch.length > limits.appendBytes) break
    bytes += batch.length
    taken++
  }
  return waiting.splice(0, taken)
}
