import type { Clock } from '../../src/base/clock.js'
import type { Timeline } from './timeline.js'

/**
 * A process of the simulated machines. When it crashes, what it had in memory is gone: nothing that it waited for ever
 * comes, and nothing that it would do happens. While it is paused everything for it waits.
 */
export class SimulatedProcess {
  #alive = true
  #pausedUntilMs = -Infinity
  readonly #listening = new Set<() => void>()
  /** What its clock shows beyond simulated time. */
  skewMs = 0

  constructor(
    readonly name: string,
    readonly timeline: Timeline,
    readonly mayCrash: boolean,
  ) {}

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.timeline.nowMs < this.#pausedUntilMs
  }

  crash(): void {
    this.#alive = false
    for (const end of this.#listening) end()
    this.#listening.clear()
  }

  /**
   * Hears of an abort until the function that it gives is called, or the process is gone: Node keeps whatever listens
   * to joined signals.
   */
  onAbort(signal: AbortSignal, run: () => void): () => void {
    const end = (): void => {
      signal.removeEventListener('abort', run)
      this.#listening.delete(end)
    }
    signal.addEventListener('abort', run)
    this.#listening.add(end)
    return end
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
          forget?.()
          resolve()
        }
        const forget = signal === undefined ? undefined : this.onAbort(signal, done)
        this.after(delayMs, done)
      }),
  }
}

export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))
