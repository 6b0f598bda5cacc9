import { EngineError, type ErrorCode } from '../../src/base/errors.js'
import type { Hazard, Hazards } from './hazards.js'
import { asError, type SimulatedProcess } from './process.js'
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'
import type { Trace } from './trace.js'

/** A call of a process to a server. */
export interface Call<Result> {
  /** `append events/0`: the server's verb, and what it is about. */
  readonly what: string
  readonly server: 'log' | 'state' | 'warehouse' | 'models'
  /** What the caller is told when it fails. */
  readonly down: ErrorCode
  /** Changes something: it may be under way when its process dies, and it may have happened though it failed. */
  readonly changes: boolean
  /** What the server does. */
  readonly effect: () => Promise<Result>
  /** Does a part of it, in place of the whole. */
  readonly partly?: (share: number) => Promise<void>
}

export interface NetworkOptions {
  readonly timeline: Timeline
  readonly random: Random
  readonly hazards: Hazards
  readonly trace: Trace
  readonly crash: (process: SimulatedProcess) => void
}

/**
 * Everything between processes and servers. It decides for each call how long it takes, whether it fails before or
 * after it happened, and whether the process dies over it; so every await of an engine is a place where all may end.
 */
export class Network {
  readonly #options: NetworkOptions
  readonly #outages = new Map<string, number>()
  /** Changes that were sent and have not arrived. */
  #underWay = 0

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  get timeline(): Timeline {
    return this.#options.timeline
  }

  get underWay(): number {
    return this.#underWay
  }

  note(process: SimulatedProcess, what: string): void {
    this.#options.trace.note(process.name, what)
  }

  /** The server refuses everything for so long. */
  outage(server: Call<unknown>['server'], lengthMs: number): void {
    this.#outages.set(server, this.#options.timeline.nowMs + lengthMs)
  }

  endOutages(): void {
    this.#outages.clear()
  }

  call<Result>(process: SimulatedProcess, call: Call<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (!process.alive) return
      const { timeline, hazards, crash, trace } = this.#options
      trace.note(process.name, call.what)
      const fail = (why: string): void =>
        process.after(this.#delayMs(), () => reject(new EngineError(call.down, `${call.what}: ${why}`)))
      const [refused, late, before] = [
        hazards.strikes('refused call', 0.02),
        call.changes ? hazards.strikes(lateness(call), 0.015) : undefined,
        this.#crash(process),
      ]
      if (before !== undefined) return crashAt(before, 'before')
      if (refused !== undefined) {
        hazards.met('refused call', `${process.name} ${call.what}`, refused)
        return fail('refused')
      }
      if (call.changes) this.#underWay++
      if (late !== undefined) {
        timeline.after(
          this.#options.random.between(20, 4_000),
          () => void this.#land(process, { ...call, what: `${call.what} (late)` }, late).catch(() => undefined),
        )
        return fail('no answer in time')
      }
      timeline.after(this.#delayMs(), () => {
        if (!process.alive && (!call.changes || this.#options.random.chance(0.5))) {
          if (call.changes) this.#underWay--
          return
        }
        if (this.#isOut(call.server)) {
          if (call.changes) this.#underWay--
          return fail('the server is away')
        }
        this.#land(process, call).then(answer, (error: unknown) =>
          process.after(this.#delayMs(), () => reject(asError(error))),
        )
      })

      const answer = (result: Result): void => {
        const lost = call.changes ? hazards.strikes('lost acknowledgement', 0.025) : undefined
        const after = this.#crash(process)
        if (after !== undefined) return crashAt(after, 'after')
        if (lost !== undefined) {
          hazards.met('lost acknowledgement', `${process.name} ${call.what}`, lost)
          return fail('it happened, but the answer was lost')
        }
        process.after(this.#delayMs(), () => resolve(result))
      }
      function crashAt(ordinal: number, when: string): void {
        if (!process.alive) return
        hazards.met('crash', `${process.name} ${when} ${call.what}`, ordinal)
        crash(process)
      }
    })
  }

  /** The call arrives: the server does what it asks. */
  async #land<Result>(process: SimulatedProcess, call: Call<Result>, late?: number): Promise<Result> {
    const { hazards, trace, random } = this.#options
    if (call.changes) this.#underWay--
    trace.note(process.name, 'lands', call.what)
    const part = call.partly === undefined ? undefined : hazards.strikes('partly applied insert', 0.08)
    if (part !== undefined) {
      await call.partly!(random.next())
      hazards.met('partly applied insert', `${process.name} ${call.what}`, part)
      throw new EngineError(call.down, `${call.what}: it broke off in the middle`)
    }
    const done = call.effect()
    if (late !== undefined) hazards.met(lateness(call), `${process.name} ${call.what}`, late)
    return done
  }

  #crash(process: SimulatedProcess): number | undefined {
    return process.mayCrash ? this.#options.hazards.strikes('crash', 0.002) : undefined
  }

  #isOut(server: Call<unknown>['server']): boolean {
    return this.#options.timeline.nowMs < (this.#outages.get(server) ?? -Infinity)
  }

  /** How long an answer of a reader takes; the empty one of a reader that is to stop is there at once. */
  readDelayMs(signal: AbortSignal): number {
    return signal.aborted ? 0 : this.#delayMs()
  }

  /** Mostly a few milliseconds, now and then a hundred times that. */
  #delayMs(): number {
    const { random, hazards } = this.#options
    const quick = random.between(0.05, 4)
    return random.chance(0.03) && !hazards.isCalm ? quick * 100 : quick
  }
}

const lateness = ({ server }: Call<unknown>): Hazard => (server === 'log' ? 'late duplicate append' : 'late write')
