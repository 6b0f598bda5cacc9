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
 * The requests with which batches go to the brokers. Batches of different partitions that are ready in the same moment,
 * or while a request is under way, share one: a broker takes the requests of a connection one after another anyway, and
 * each costs it more than what is in it.
 */
export class KafkaProduces {
  readonly #timeoutMs: number
  /** What waits for each broker; a broker that is here has a request under way, or soon. */
  readonly #waiting = new Map<LinkedBroker, Waiting[]>()

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Resolves with the batch's first offset. A partition has one batch here at a time. */
  produce(broker: LinkedBroker, produced: Produced): Promise<Offset> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(broker)
      if (waiting !== undefined) return void waiting.push({ ...produced, resolve, reject })
      this.#waiting.set(broker, [{ ...produced, resolve, reject }])
      // Whatever becomes ready in this turn of the event loop goes along.
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
      // The connection is gone, and with it what waits for it: whoever appends tries again over a new one.
      for (const { reject } of [...together, ...waiting]) reject(error)
    } finally {
      this.#waiting.delete(broker)
    }
  }
}

/** The oldest, as many as an append may have bytes; one at least. */
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
