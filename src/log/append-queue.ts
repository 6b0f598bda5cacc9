import { limits } from '../base/limits.js'

/** Appends share a batch until it holds this much; one larger append has a batch of its own. */
const batchBytes = 1024 * 1024

/** The appends to a partition that wait for the one under way. What waits together goes together next. */
export class AppendQueue<Append extends { readonly bytes: number }> {
  readonly #waiting: Append[] = []
  #bytes = 0

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** Bytes of all that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether one more may wait: the first always, others up to `limits.queuedAppendBytes` together. */
  hasRoomFor(bytes: number): boolean {
    return this.isEmpty || this.#bytes + bytes <= limits.queuedAppendBytes
  }

  put(append: Append): void {
    this.#waiting.push(append)
    this.#bytes += append.bytes
  }

  /** The oldest, as many as share a batch; none where none wait. */
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
