import { limits } from '../base/limits.js'

/** Appends share a batch of at most this size. A larger append gets its own batch. */
const batchBytes = 1024 * 1024

/** The appends to one partition that wait while a batch is in flight. They form the next batches. */
export class AppendQueue<Append extends { readonly bytes: number }> {
  readonly #waiting: Append[] = []
  #bytes = 0

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Bytes of all waiting appends. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether one more append may wait. The first always may; together they have at most `limits.queuedAppendBytes`. */
  hasRoomFor(bytes: number): boolean {
    return this.isEmpty || this.#bytes + bytes <= limits.queuedAppendBytes
  }

  put(append: Append): void {
    this.#waiting.push(append)
    this.#bytes += append.bytes
  }

  /** Removes and returns the oldest appends that fit into one batch; empty when none wait. */
  take(): Append[] {
    let bytes = 0
    let taken = 0
    for (const { bytes: more } of this.#waiting) {
      if (taken > 0 && bytes + more > batchBytes) break
      bytes += more
      taken++
    }
    this.#bytes -= bytes
    return this.#waiting.splice(0, taken)
  }
}
