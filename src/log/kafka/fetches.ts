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
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** Told whenever the broker had nothing. */
  readonly heard: () => void
  readonly resolve: (fetched: Fetched) => void
  readonly reject: (error: unknown) => void
}

/**
 * The questions of all readers of a log. Those of the same moment go to a broker in one request, and a question that
 * waits for news holds up no other: who asks meanwhile gets a lane of its own, with connections of its own, because a
 * broker answers the requests of a connection one after another. So partitions that are read in step cost one request,
 * and at worst there are as many lanes as readers.
 */
export class KafkaFetches {
  readonly #options: KafkaConnection
  readonly #lanes: Lane[] = []
  #asked: Question[] = []
  /** Those that there was nothing for while there was something for others: they go along with who asks next. */
  #parked: Question[] = []
  #isClosed = false

  constructor(options: KafkaConnection) {
    this.#options = options
  }

  /**
   * What is there from an offset on, when there is something, or why it cannot be had. Rejects with what the broker or
   * the connection to it said. A reader asks one question at a time.
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

  /** Whoever asks in this turn of the event loop goes along. */
  #put(questions: readonly Question[]): void {
    if (this.#asked.length === 0) setImmediate(() => this.#send())
    this.#asked.push(...questions)
  }

  /**
   * Chunks of partitions that are read in step begin at the same moments (`limits.smallChunk`), so others will ask
   * soon; if not, it is asked alone.
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

  /** There was nothing for these. */
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

/** A request names a partition once: a second reader of it goes into another one. */
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

/** One request at a time to each of the brokers that it concerns. */
class Lane {
  readonly #options: KafkaConnection
  readonly #again: (idle: readonly Question[], hadOthersNews: boolean) => void
  #wire: Wire | undefined
  #isBusy = false

  /** `again` takes the questions that a broker had nothing for. */
  constructor(options: KafkaConnection, again: (idle: readonly Question[], hadOthersNews: boolean) => void) {
    this.#options = options
    this.#again = again
  }

  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Settles every question, or gives it back, as soon as its broker has answered. */
  ask(questions: readonly Question[]): void {
    this.#isBusy = true
    void this.#ask(questions).finally(() => (this.#isBusy = false))
  }

  close(): void {
    this.#wire?.close()
    this.#wire = undefined
  }

  /** A wire on which anything went wrong is laid anew for the next questions, and asks anew who leads what. */
  async #ask(questions: readonly Question[]): Promise<void> {
    const wire = (this.#wire ??= new Wire(this.#options))
    const byBroker = new Map<LinkedBroker, Question[]>()
    let isSound = true
    await Promise.all(
      questions.map(async (question) => {
        try {
          const broker = await wire.leader(question.at)
          byBroker.set(broker, [...(byBroker.get(broker) ?? []), question])
        } catch (error) {
          if (!isEngineError(error)) isSound = false
          question.reject(error)
        }
      }),
    )
    const answered = await Promise.all([...byBroker].map(([broker, some]) => this.#askBroker(broker, some)))
    if (isSound && answered.every((isFine) => isFine)) return
    wire.close()
    if (this.#wire === wire) this.#wire = undefined
  }

  /** Whether the broker answered, and is in charge of what it was asked for. */
  async #askBroker(broker: LinkedBroker, questions: readonly Question[]): Promise<boolean> {
    const { timeoutMs = limits.brokerTimeoutMs, clock } = this.#options
    // All waits end at the same moments, so that readers without news come to ask together.
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
