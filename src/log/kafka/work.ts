import type { Assignment, Offset, TopicPartition } from '../event-log.js'
import type { KafkaReader, OnHole } from './reader.js'

export const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export const placeOf = (key: string): TopicPartition => {
  const slash = key.lastIndexOf('/')
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) }
}

export interface WorkOptions {
  readonly work: (assignment: Assignment) => Promise<void>
  readonly reader: (at: TopicPartition, onHole: OnHole) => Pick<KafkaReader, 'read' | 'skip' | 'close'>
  readonly commit: (at: TopicPartition, next: Offset) => Promise<void>
  /** Called when the work on a partition ended with an error. */
  readonly fail: (error: unknown) => void
  /** Called when the work on a revoked partition has ended. */
  readonly onEnded: () => void
}

interface Held {
  readonly revoke: AbortController
  /** Settles when the work has ended and its reader is closed; never rejects. */
  readonly ended: Promise<void>
}

/** The partitions that a member works on. The member holds a partition until its work has ended. */
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
   * Revokes the partitions that are not in `keys` and starts those that are new. A partition whose work is still ending
   * is not started yet; the member still holds it.
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
    let committed: Offset | undefined
    // A partition may end with offsets that hold no record. Without this commit, the group would always lag behind.
    const reader = open(at, ({ from, to, first }) => {
      if (committed === from || (committed === undefined && first)) void commit(at, to)
    })
    const run = async (): Promise<void> => {
      try {
        await work({
          ...at,
          reader,
          revoked: revoke.signal,
          commit(next) {
            committed = next
            return commit(at, reader.skip(next))
          },
        })
      } catch (error) {
        fail(error)
      }
      await reader.close()
      // Work may return early; the member still holds the partition until it is revoked.
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
