import { strict as assert } from 'node:assert'
import { durationMs } from '../../src/streams/language/duration.js'
import type { Duration } from '../../src/features/feature.js'

/** One record that a producer sends. */
export interface Sent {
  /** Names the event in the message of a failed test: 'ann checks in with p1'. */
  readonly says: string
  /** The codec encodes an object; text and bytes are sent as they are; null is a record without a value. */
  readonly event: Readonly<Record<string, unknown>> | string | Buffer | null
  /** Of the record key, which chooses the partition. */
  readonly tenant: string
  /** The time of the record in the log, epoch ms. */
  readonly recordTimeMs: number
}

/** When an event happens. Without any of these it happens one minute after the event before it. */
export interface When {
  /** After the event before it. */
  readonly after?: Duration
  /** The event's own time lies so far before the moment at which it is sent: it arrives late. */
  readonly ago?: Duration
  /** The event's own time lies so far after the moment at which it is sent: the device's clock is ahead. */
  readonly ahead?: Duration
  /** An ISO date; the story continues from there. */
  readonly at?: string
}

/** The clock and the counter of a story. Only steps move them, so that a story is the same every time. */
export class Narrator {
  #nowMs: number
  #events = 0
  #last: Sent | undefined

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** The event sent last. */
  get last(): Sent {
    assert.ok(this.#last !== undefined, 'the story has no event before this one')
    return this.#last
  }

  /** Moves the clock to the next event and gives it a number. `atMs` is the event's own time. */
  next({ after = '1m', ago, ahead, at }: When): { readonly number: number; readonly atMs: number } {
    this.#nowMs = at === undefined ? this.#nowMs + durationMs(after) : Date.parse(at)
    const atMs = this.#nowMs - (ago === undefined ? 0 : durationMs(ago)) + (ahead === undefined ? 0 : durationMs(ahead))
    return { number: ++this.#events, atMs }
  }

  /** A record that is sent now. */
  send(says: string, event: Sent['event'], tenant: string): Sent {
    return (this.#last = { says, event, tenant, recordTimeMs: this.#nowMs })
  }
}

/** Events of a story, in order. */
export type Step = (narrator: Narrator) => readonly Sent[]

/** Several steps as one. */
export const steps =
  (...all: readonly Step[]): Step =>
  (narrator) =>
    all.flatMap((step) => step(narrator))

/** The tenant of every event that names no other. */
export const usualTenant = 'acme'

/** The event before it once more, to the byte. */
export const again =
  (when: When = {}): Step =>
  (narrator) => {
    const { event, says, tenant } = narrator.last
    narrator.next(when)
    return [narrator.send(`${says}, again`, event, tenant)]
  }

/** A record that is no event: text, bytes or nothing. */
export const record =
  (value: string | Buffer | null, when: When = {}): Step =>
  (narrator) => {
    narrator.next(when)
    return [
      narrator.send(
        `the record ${value === null ? 'without a value' : JSON.stringify(value.toString().slice(0, 40))}`,
        value,
        usualTenant,
      ),
    ]
  }
