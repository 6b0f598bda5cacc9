import { setImmediate } from 'node:timers/promises'

interface Entry {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/**
 * Simulated time. Things happen one after another in the order of their moments; after each, everything that follows
 * from it without waiting has run before the next one happens. Nothing here looks at a real clock.
 */
export class Timeline {
  readonly #heap: Entry[] = []
  #made = 0
  #nowMs: number
  #happened = 0

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Things that have happened. */
  get happened(): number {
    return this.#happened
  }

  after(delayMs: number, run: () => void): void {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#made++, run }
    const heap = this.#heap
    let place = heap.push(entry) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (before(heap[parent]!, entry)) break
      heap[place] = heap[parent]!
      place = parent
    }
    heap[place] = entry
  }

  /** Lets things happen until the condition holds. False when it does not within so much simulated time, or ever. */
  async run(until: () => boolean, withinMs: number): Promise<boolean> {
    const deadlineMs = this.#nowMs + withinMs
    await setImmediate()
    while (!until()) {
      const next = this.#take()
      if (next === undefined || next.atMs > deadlineMs) return false
      this.#nowMs = next.atMs
      this.#happened++
      next.run()
      await setImmediate()
    }
    return true
  }

  #take(): Entry | undefined {
    const heap = this.#heap
    const first = heap[0]
    const moved = heap.pop()
    if (first === undefined || moved === undefined || heap.length === 0) return first
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (before(moved, heap[child]!)) break
      heap[place] = heap[child]!
      place = child
    }
    heap[place] = moved
    return first
  }
}

const before = (one: Entry, other: Entry): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
