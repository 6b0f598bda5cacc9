import type { Clock } from '../../src/clock.js'
import type { Timeline } from './timeline.js'

/**
 * A process of the simulated machines. When it crashes, what it had in memory is gone: nothing that it waited for ever
 * comes, and nothing that it would do happens. While it is paused everything for it waits.
 */
export class SimulatedProcess {
  #alive = true
  #pausedUntilMs = -Infinity
  /** What its clock shows beyond simulated time. */
  skewMs = 0

  constructor(readonly name: string, readonly timeline: Timeline, readonly mayCrash: boolean) {}

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.timeline.nowMs < this.#pausedUntilMs
  }

  crash(): void {
    this.#alive = false
  }

  pause(untilMs: number): void {
    this.#pausedUntilMs = untilMs
  }

  /** Does it in the process, after so long: never if it has crashed by then, later if it is paused. */
  after(delayMs: number, run: () => void): void {
    this.timeline.after(delayMs, () => {
      if (!this.#alive) return
      if (this.paused) this.after(this.#pausedUntilMs - this.timeline.nowMs, run)
      else run()
    })
  }

  readonly clock: Clock = {
    nowMs: () => Math.floor(this.timeline.nowMs + this.skewMs),
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) return resolve()
        let isOver = false
        const done = (): void => {
          if (isOver) return
          isOver = true
          signal?.removeEventListener('abort', done)
          resolve()
        }
        this.after(delayMs, done)
        signal?.addEventListener('abort', done)
      }),
  }
}

export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
