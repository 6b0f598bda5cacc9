import { EngineError } from '../../base/errors.js'
import type { LogRecord, Offset, PartitionReader, ReadBound, TopicPartition } from '../event-log.js'
import { RecordSet } from './records/batch.js'
import { BrokerFault, offsetOutOfRange } from './faults.js'
import type { KafkaFetches } from './fetches.js'
import type { KafkaLink } from './link.js'
import { boundsOf } from './offsets.js'
import { persistently } from './persistence.js'

/** What was asked of the broker: nothing that was not given out lies in `known`..`from`. */
interface Fetch {
  readonly known: Offset
  readonly from: Offset
  readonly answer: Promise<Answer>
}

interface Answer {
  readonly set: RecordSet
  /** The end of the partition when it was given. */
  readonly end: Offset
}

/**
 * Reads one partition. Holds one answer of the broker; the next is asked for when that is used up and not before, so
 * that a slow reader pauses the broker, and everything that arrives while a chunk is worked on comes in one answer. A
 * broker that is away is waited for; one that can be reached and does not serve is given up with LOG_DOWN after
 * `limits.brokerTries`.
 */
export class KafkaReader implements PartitionReader {
  readonly #at: TopicPartition
  readonly #where: string
  readonly #fetches: KafkaFetches
  readonly #asking: KafkaLink
  readonly #closing = new AbortController()
  readonly #onClose: () => void
  #held: Answer | undefined
  /** Records up to here were given out, or were asked to be passed over. */
  #given: Offset = 0
  /** Below it nothing is left for the read under way: behind the last record may stand the marker of a transaction. */
  #passed: Offset = 0
  #fetch: Fetch | undefined

  /** `asking` answers what an offset outside of the log means. */
  constructor(fetches: KafkaFetches, asking: KafkaLink, at: TopicPartition, onClose: (reader: KafkaReader) => void) {
    this.#at = at
    this.#where = `${at.topic}/${at.partition}`
    this.#fetches = fetches
    this.#asking = asking
    this.#onClose = () => onClose(this)
  }

  async read(from: Offset, bound: ReadBound, signal: AbortSignal): Promise<readonly LogRecord[]> {
    while (!signal.aborted) {
      const records = this.#take(from, bound)
      if (records.length > 0 || this.#passed >= (bound.until ?? Infinity)) return records
      const answer = await orAborted(
        this.#ask(from).answer.catch((error: unknown) => this.#forget(error)),
        signal,
      )
      if (answer === undefined) continue
      this.#held = answer
      this.#given = this.#fetch!.known
      this.#fetch = undefined
    }
    return []
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#held = undefined
    this.#onClose()
  }

  /**
   * What is held from `from` on. When that was the last of it and there is more, it is asked for at once, to arrive
   * meanwhile.
   */
  #take(from: Offset, bound: ReadBound): LogRecord[] {
    const held = this.#held
    const records: LogRecord[] = []
    this.#passed = from
    if (held === undefined || from < this.#given || from > held.set.end) {
      this.#held = undefined
      return records
    }
    this.#given = from
    for (let bytes = bound.bytes; records.length < bound.records;) {
      const record = held.set.next(from, records.length === 0 ? Infinity : bytes)
      if (record === 'full') return records
      if (record === undefined) {
        this.#held = undefined
        this.#passed = Math.max(from, held.set.end)
        if (held.set.end < held.end || records.length === 0) this.#put(this.#given, Math.max(from, held.set.end))
        return records
      }
      records.push(record)
      bytes -= sizeOf(record)
      this.#given = record.offset + 1
    }
    return records
  }

  /** The question that `from` is answered by: the one under way, or a new one. */
  #ask(from: Offset): Fetch {
    const current = this.#fetch
    if (current !== undefined && from >= current.known && from <= current.from) return current
    return this.#put(from, from)
  }

  #put(known: Offset, from: Offset): Fetch {
    const { signal } = this.#closing
    const answer = persistently(
      this.#asking.options,
      `read ${this.#where}`,
      (heard) => this.#fetchFrom(from, heard),
      { outages: 'wait', signal },
      () => signal.aborted,
    )
    // It may fail before anybody reads on.
    answer.catch(() => undefined)
    return (this.#fetch = { known, from, answer })
  }

  #forget(error: unknown): never {
    this.#fetch = undefined
    throw error
  }

  async #fetchFrom(from: Offset, heard: () => void): Promise<Answer> {
    const { error, end, aborted, records } = await this.#fetches.ask(
      { at: this.#at, from },
      this.#closing.signal,
      heard,
    )
    if (error === offsetOutOfRange) await this.#refuse(from)
    if (error !== 0) throw new BrokerFault(error, this.#where)
    return { set: new RecordSet(records, this.#where, from, aborted), end }
  }

  /** Throws what an offset outside of the log means; returns where it is inside by now. */
  async #refuse(from: Offset): Promise<void> {
    const { first, next } = await this.#asking.run(
      `ask for the offsets of ${this.#where}`,
      (wire) => boundsOf(wire, this.#at),
      { outages: 'wait', signal: this.#closing.signal },
    )
    if (from > next)
      throw new EngineError(
        'LOG_RESET',
        `${this.#where} ends before offset ${next}, but ${from} was asked for: the topic was made anew, or ` +
          'lost its newest records with their last replica',
      )
    if (from < first)
      throw new EngineError(
        'GAP',
        `${this.#where} begins with offset ${first}, but ${from} was asked for: retention has passed it`,
      )
  }
}

const sizeOf = ({ key, value }: LogRecord): number => (key?.length ?? 0) + (value?.length ?? 0) + 16

/** Undefined when `signal` aborts first. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const abort = (): void => resolve(undefined)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
