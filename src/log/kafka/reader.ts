import { EngineError } from '../../base/errors.js'
import type { LogRecord, Offset, PartitionReader, ReadBound, TopicPartition } from '../event-log.js'
import { RecordSet } from './records/batch.js'
import { BrokerFault, offsetOutOfRange } from './faults.js'
import type { KafkaFetches } from './fetches.js'
import type { KafkaLink } from './link.js'
import { boundsOf } from './offsets.js'
import { persistently } from './persistence.js'

/** A fetch in flight from offset `from`. No unread record is between `known` and `from`, so it also serves `known`. */
interface Fetch {
  readonly known: Offset
  readonly from: Offset
  readonly answer: Promise<Answer>
}

interface Answer {
  readonly set: RecordSet
  /** The end of the partition at the time of the answer. */
  readonly end: Offset
}

/**
 * Called when the reader has read past offsets that hold no record, `to` exclusive. `first`: it has returned no record
 * before, so these offsets are the first that it was asked for.
 */
export type OnHole = (hole: { readonly from: Offset; readonly to: Offset; readonly first: boolean }) => void

/**
 * Reads one partition. It holds one answer of the broker and requests the next one only when that is used up. So a slow
 * reader slows the broker down, and all records that arrive while a chunk is processed come in one answer. While the
 * broker is unreachable, reads wait. When a reachable broker does not serve, reads fail with LOG_DOWN after
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
  /** Records before this offset were returned or skipped. */
  #given: Offset = 0
  /** No record before this offset is left for the current read. A transaction marker may follow the last record. */
  #passed: Offset = 0
  #fetch: Fetch | undefined
  /** The last offsets that hold no record, `to` exclusive: transaction markers, aborted records, compaction. */
  #hole = { from: 0, to: 0 }
  /** Whether a record was returned. */
  #hasReturned = false
  readonly #onHole: OnHole

  /** `asking` is the link for requests about the partition's offsets. */
  constructor(
    fetches: KafkaFetches,
    asking: KafkaLink,
    at: TopicPartition,
    onClose: (reader: KafkaReader) => void,
    onHole: OnHole = () => undefined,
  ) {
    this.#at = at
    this.#onHole = onHole
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

  skip(from: Offset): Offset {
    return from >= this.#hole.from && from < this.#hole.to ? this.#hole.to : from
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#held = undefined
    this.#onClose()
  }

  /**
   * The held records from offset `from`. When these are the last ones of the answer and the partition has more, the
   * next fetch starts at once, so that it runs while the caller works.
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
        this.#foundHole(held.set.end)
        if (held.set.end < held.end || records.length === 0) this.#put(this.#given, Math.max(from, held.set.end))
        return records
      }
      records.push(record)
      this.#hasReturned = true
      bytes -= sizeOf(record)
      this.#given = record.offset + 1
    }
    return records
  }

  #foundHole(to: Offset): void {
    const from = this.#given
    if (to <= this.skip(from)) return
    this.#hole = { from, to }
    this.#onHole({ from, to, first: !this.#hasReturned })
  }

  /** The fetch that serves `from`: the one in flight, or a new one. */
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
    // It may fail before the next read handles it; this avoids an unhandled rejection.
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

  /** Throws LOG_RESET or GAP for an offset outside of the partition; returns where the offset is inside by now. */
  async #refuse(from: Offset): Promise<void> {
    const { first, next } = await this.#asking.run(
      `ask for the offsets of ${this.#where}`,
      (wire) => boundsOf(wire, this.#at),
      { outages: 'wait', signal: this.#closing.signal },
    )
    if (from > next)
      throw new EngineError(
        'LOG_RESET',
        `${this.#where} ends before offset ${next}, but ${from} was asked for: the topic was recreated, or ` +
          'lost its newest records with their last replica',
      )
    if (from < first)
      throw new EngineError(
        'GAP',
        `${this.#where} begins with offset ${first}, but ${from} was asked for: retention has removed it`,
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
