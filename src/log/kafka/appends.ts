import type { Clock } from '../../base/clock.js'
import { EngineError, isEngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { AppendQueue } from '../append-queue.js'
import type { NewRecord, Offset, TopicPartition } from '../event-log.js'
import { encodeBatch, recordBound } from './records/encode.js'
import { faultType } from './faults.js'
import type { KafkaLink, Wire } from './link.js'
import type { KafkaProduces } from './produces.js'

interface Pending {
  readonly records: readonly NewRecord[]
  readonly bytes: number
  readonly resolve: (first: Offset) => void
  readonly reject: (error: unknown) => void
}

/** The broker refuses the batch because of its content. Sending it again does not help. */
const refused = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_TIMESTAMP', 'INVALID_RECORD'])

/**
 * The appends to one partition. One batch is in flight at a time; appends that arrive meanwhile go into the next one.
 * Each batch has a producer id and a sequence number, so that it can be sent again after a fault and is stored once.
 */
export class KafkaAppends {
  readonly #link: KafkaLink
  readonly #at: TopicPartition
  readonly #clock: Clock
  readonly #produces: KafkaProduces
  readonly #queue = new AppendQueue<Pending>()
  #running = false
  /** Undefined before the first batch, and while it is unknown whether the broker stored the last one. */
  #producer: { readonly id: number; readonly epoch: number } | undefined
  #sequence = 0

  constructor(link: KafkaLink, produces: KafkaProduces, at: TopicPartition, clock: Clock) {
    this.#link = link
    this.#produces = produces
    this.#at = at
    this.#clock = clock
  }

  append(records: readonly NewRecord[]): Promise<Offset> {
    let bytes = 0
    for (const record of records) bytes += recordBound(record)
    const where = `${this.#at.topic}/${this.#at.partition}`
    if (bytes > limits.appendBytes)
      return Promise.reject(
        new EngineError(
          'TOO_LARGE',
          `${where}: an append of ${bytes} bytes, at most ${limits.appendBytes} are allowed`,
        ),
      )
    if (!this.#queue.hasRoomFor(bytes))
      return Promise.reject(
        new EngineError(
          'LOG_DOWN',
          `${where}: the broker is too slow, ${this.#queue.bytes} bytes are already waiting for it`,
        ),
      )
    return new Promise((resolve, reject) => {
      this.#queue.put({ records, bytes, resolve, reject })
      if (!this.#running) void this.#run()
    })
  }

  async #run(): Promise<void> {
    this.#running = true
    // Appends of the same turn of the event loop share a batch.
    await Promise.resolve()
    while (!this.#queue.isEmpty) {
      const batch = this.#queue.take()
      try {
        let offset = await this.#send(batch.flatMap(({ records }) => records))
        for (const { records, resolve } of batch) {
          resolve(offset)
          offset += records.length
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#running = false
  }

  async #send(records: readonly NewRecord[]): Promise<Offset> {
    const nowMs = this.#clock.nowMs()
    try {
      const first = await this.#link.run(
        `append to ${this.#at.topic}/${this.#at.partition}`,
        (wire) => this.#try(wire, records, nowMs),
        { outages: 'wait', withinMs: limits.brokerTimeoutMs },
      )
      this.#sequence = (this.#sequence + records.length) % 0x8000_0000
      return first
    } catch (error) {
      // The batch may be stored or not, so the next sequence number is unknown.
      this.#producer = undefined
      throw error
    }
  }

  async #try(wire: Wire, records: readonly NewRecord[], nowMs: number): Promise<Offset> {
    const broker = await wire.leader(this.#at)
    if (this.#producer === undefined) {
      const { producerId, producerEpoch } = await broker.initProducerId({ transactionalId: null })
      this.#producer = { id: Number(producerId), epoch: producerEpoch }
      this.#sequence = 0
    }
    const batch = encodeBatch(records, nowMs, { ...this.#producer, sequence: this.#sequence })
    try {
      return await this.#produces.produce(broker, { at: this.#at, batch })
    } catch (error) {
      if (!isEngineError(error) && refused.has(faultType(error) ?? ''))
        throw new EngineError(
          faultType(error)!.includes('LARGE') ? 'TOO_LARGE' : 'BAD_REQUEST',
          `${(error as Error).message}. Raise max.message.bytes of the topic (tidemill topics apply), or ` +
            'check the time of the records.',
        )
      throw error
    }
  }
}
