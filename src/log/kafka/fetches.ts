import { EngineError, isEngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { send } from './broker.js'
import type { LinkedBroker } from './broker.js'
import type { KafkaConnection } from './connection.js'
import { offsetOutOfRange } from './faults.js'
import { Wire } from './link.js'
import { fetchRequest } from './wire.js'
import type { Asked, Fetched } from './wire.js'

interface Question extends Asked {
  /** Aborts when no reader waits for the answer any more. */
  readonly signal: AbortSignal
  /** Called whenever the broker has answered without records. */
  readonly heard: () => void
  readonly resolve: (fetched: Fetched) => void
  readonly reject: (error: unknown) => void
}

/**
 * Sends the fetches of all readers of a log. Fetches of the same moment go to a broker in one request. A fetch that
 * waits for new records does not delay others: a fetch that comes meanwhile uses another lane with its own connections,
 * because a broker answers the requests of one connection in order. So partitions that are read in step cost one
 * request, and there are at most as many lanes as readers.
 */
export class KafkaFetches {
  readonly #options: KafkaConnection
  readonly #lanes: Lane[] = []
  #asked: Question[] = []
  /** Fetches without records in a request that had records for others. They go with the next request. */
  #parked: Question[] = []
  #isClosed = false

  constructor(options: KafkaConnection) {
    this.#options = options
  }

  /**
   * Resolves with the records from an offset as soon as there are some, or with the broker's error code for the
   * partition. Rejects with the error of the broker or of its connection. A reader has one fetch at a time.
   */
  ask(asked: Asked, signal: AbortSignal, heard: () => void = () => undefined): Promise<Fetched> {
    if (this.#isClosed) return Promise.reject(closed())
    return new Promise((resolve, reject) => this.#put([{ ...asked, signal, heard, resolve, reject }]))
  }

  close(): void {
    this.#isClosed = true
    for (const lane of this.#lanes) lane.close()
    for (const { reject } of [...this.#asked.splice(0), ...this.#parked.splice(0)]) reject(closed())
  }

  /** All fetches of one turn of the event loop share a request. */
  #put(questions: readonly Question[]): void {
    if (this.#asked.length === 0) setImmediate(() => this.#send())
    this.#asked.push(...questions)
  }

  /**
   * Chunks of partitions that are read in step begin at the same moments (`limits.smallChunk`). So other fetches come
   * soon; if none comes, these are sent alone.
   */
  #park(questions: readonly Question[]): void {
    if (this.#parked.length === 0) void this.#options.clock.sleep(limits.smallChunk.leastMs).then(() => this.#send())
    this.#parked.push(...questions)
  }

  #send(): void {
    const questions = [...this.#asked.splice(0), ...this.#parked.splice(0)]
    for (const { signal, reject } of questions) if (signal.aborted) reject(closed())
    for (const some of apart(questions.filter(({ signal }) => !signal.aborted))) this.#freeLane().ask(some)
  }

  /** Sends fetches again that got no records. */
  #again(idle: readonly Question[], hadOthersNews: boolean): void {
    if (this.#isClosed) for (const { reject } of idle) reject(closed())
    else if (hadOthersNews) this.#park(idle)
    else this.#put(idle)
  }

  #freeLane(): Lane {
    const free = this.#lanes.find(({ isBusy }) => !isBusy)
    if (free !== undefined) return free
    const lane = new Lane(this.#options, (idle, hadOthersNews) => this.#again(idle, hadOthersNews))
    this.#lanes.push(lane)
    return lane
  }
}

const closed = (): EngineError => new EngineError('LOG_DOWN', 'cannot read: the log is closed')

/** Groups fetches into requests. A request names a partition only once, so a second reader of it needs another one. */
function apart(questions: readonly Question[]): Question[][] {
  const requests: Map<string, Question>[] = []
  for (const question of questions) {
    const key = `${question.at.topic}/${question.at.partition}`
    let request = requests.find((one) => !one.has(key))
    if (request === undefined) requests.push((request = new Map<string, Question>()))
    request.set(key, question)
  }
  return requests.map((request) => [...request.values()])
}

/** Sends one request at a time to each broker. */
class Lane {
  readonly #options: KafkaConnection
  readonly #again: (idle: readonly Question[], hadOthersNews: boolean) => void
  #wire: Wire | undefined
  #isBusy = false

  /** `again` receives the fetches that got no records. */
  constructor(options: KafkaConnection, again: (idle: readonly Question[], hadOthersNews: boolean) => void) {
    this.#options = options
    this.#again = again
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Settles every fetch, or passes it to `again`, as soon as its broker has answered. */
  ask(questions: readonly Question[]): void {
    this.#isBusy = true
    void this.#ask(questions).finally(() => (this.#isBusy = false))
  }

  close(): void {
    this.#wire?.close()
    this.#wire = undefined
  }

  /** After any error the next fetches use a new wire, which reads the leaders of the partitions again. */
  async #ask(questions: readonly Question[]): Promise<void> {
    const wire = (this.#wire ??= new Wire(this.#options))
    const byBroker = new Map<LinkedBroker, Question[]>()
    let isHealthy = true
    await Promise.all(
      questions.map(async (question) => {
        try {
          const broker = await wire.leader(question.at)
          byBroker.set(broker, [...(byBroker.get(broker) ?? []), question])
        } catch (error) {
          if (!isEngineError(error)) isHealthy = false
          question.reject(error)
        }
      }),
    )
    const answered = await Promise.all([...byBroker].map(([broker, some]) => this.#askBroker(broker, some)))
    if (isHealthy && answered.every((isFine) => isFine)) return
    wire.close()
    if (this.#wire === wire) this.#wire = undefined
  }

  /** Whether the broker answered and leads all of these partitions. */
  async #askBroker(broker: LinkedBroker, questions: readonly Question[]): Promise<boolean> {
    const { timeoutMs = limits.brokerTimeoutMs, clock } = this.#options
    // All waits end at the same moments, so that idle readers share their next request.
    const waitMs = limits.fetchWaitMs - (clock.nowMs() % limits.fetchWaitMs)
    try {
      const fetched = await send(broker, fetchRequest(questions, { bytes: limits.fetchBytes, waitMs }), timeoutMs)
      const isIdle = ({ error, records }: Fetched): boolean => error === 0 && records.length === 0
      for (const [i, { resolve }] of questions.entries()) if (!isIdle(fetched[i]!)) resolve(fetched[i]!)
      const idle = questions.filter((_, i) => isIdle(fetched[i]!))
      for (const { heard } of idle) heard()
      if (idle.length > 0) this.#again(idle, idle.length < questions.length)
      return fetched.every(({ error }) => error === 0 || error === offsetOutOfRange)
    } catch (error) {
      for (const { reject } of questions) reject(error)
      return false
    }
  }
}
