import type { Assignment, Offset, PartitionReader, TopicPartition } from '../event-log.js'

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export const placeOf = (key: string): TopicPartition => {
  const slash = key.lastIndexOf('/')
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) }
}

export interface WorkOptions {
  readonly work: (assignment: Assignment) => Promise<void>
  readonly reader: (at: TopicPartition) => PartitionReader
  readonly commit: (at: TopicPartition, next: Offset) => Promise<void>
  /** A partition's work ended for good with an error. */
  readonly fail: (error: unknown) => void
  /** The work on a partition that was taken away has ended. */
  readonly onEnded: () => void
}

interface Held {
  readonly revoke: AbortController
  /** Settles when the work has ended and its reader is closed; never rejects. */
  readonly ended: Promise<void>
}

/** The partitions a member works on. A partition counts as held until its work has ended. */
export class PartitionWork {
  readonly #options: WorkOptions
  readonly #held = new Map<string, Held>()

  constructor(options: WorkOptions) {
    this.#options = options
  }

  get held(): readonly string[] {
    return [...this.#held.keys()]
  }

  /**
   * Revokes what is not in `keys` and begins what is new in it. What is still ending here is not begun: it is held
   * until it has ended.
   */
  assign(keys: readonly string[]): void {
    this.revoke(keys)
    for (const key of keys) if (!this.#held.has(key)) this.#begin(key)
  }

  revoke(kept: readonly string[] = []): void {
    for (const [key, { revoke }] of this.#held) if (!kept.includes(key)) revoke.abort()
  }

  async ended(): Promise<void> {
    await Promise.all([...this.#held.values()].map(({ ended }) => ended))
  }

  #begin(key: string): void {
    const { work, reader: open, commit, fail, onEnded } = this.#options
    const at = placeOf(key)
    const revoke = new AbortController()
    const reader = open(at)
    const run = async (): Promise<void> => {
      try {
        await work({ ...at, reader, revoked: revoke.signal, commit: (next) => commit(at, next) })
      } catch (error) {
        fail(error)
      }
      await reader.close()
      // Work may return early; the partition stays this member's until it is taken away.
      await aborted(revoke.signal)
      this.#held.delete(key)
      onEnded()
    }
    this.#held.set(key, { revoke, ended: run() })
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
