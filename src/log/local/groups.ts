import { join } from 'node:path'
import type { Clock } from '../../base/clock.js'
import type { ConsumerGroups, GroupLag, Offset, PartitionReader, TopicPartition } from '../event-log.js'
import type { LogFiles } from './files.js'
import { LocalGroup, keyOf } from './group.js'

export interface GroupsOptions {
  /** Contains one small file of committed offsets per group. */
  readonly directory: string
  readonly files: LogFiles
  readonly clock: Clock
  readonly log: {
    partitionsOf(topic: string): number
    reader(at: TopicPartition): PartitionReader
    bounds(at: TopicPartition): Promise<{ readonly first: Offset; readonly next: Offset }>
  }
}

interface Entry {
  readonly group: LocalGroup
  readonly path: string
  readonly committed: Map<string, Offset>
  isDirty: boolean
}

/** Commits serve a metric only. Losing those of the last second makes it slightly inaccurate. */
const writeDelayMs = 1_000

const placeOf = (key: string): TopicPartition => {
  const slash = key.lastIndexOf('/')
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) }
}

/** An unreadable file counts as empty, because the offsets serve a metric only. */
function parseCommitted(bytes: Buffer | undefined): Map<string, Offset> {
  try {
    return new Map(Object.entries(JSON.parse(bytes?.toString('utf8') ?? '{}') as Record<string, Offset>))
  } catch {
    return new Map()
  }
}

/** Consumer groups of a local log. All their members are in this process, which alone holds the log. */
export class LocalGroups implements ConsumerGroups {
  readonly #options: GroupsOptions
  readonly #entries = new Map<string, Promise<Entry>>()
  readonly #closing = new AbortController()
  #writing: Promise<void> | undefined

  constructor(options: GroupsOptions) {
    this.#options = options
  }

  async join(...[name, topics, work]: Parameters<ConsumerGroups['join']>): ReturnType<ConsumerGroups['join']> {
    for (const topic of topics) this.#options.log.partitionsOf(topic)
    const { group } = await this.#entry(name)
    return group.join(topics, work)
  }

  async lag(name: string): Promise<readonly GroupLag[]> {
    const { group, committed } = await this.#entry(name)
    const keys = new Set([...committed.keys(), ...group.partitions.map(keyOf)])
    return Promise.all(
      [...keys].sort().map(async (key) => {
        const at = placeOf(key)
        const { first, next } = await this.#options.log.bounds(at)
        return { ...at, committed: committed.get(key) ?? first, next }
      }),
    )
  }

  /** Writes the committed offsets. All members must have left before. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#writing
    await this.#write()
  }

  #entry(name: string): Promise<Entry> {
    const known = this.#entries.get(name)
    if (known !== undefined) return known
    const entry = this.#load(name)
    this.#entries.set(name, entry)
    return entry
  }

  async #load(name: string): Promise<Entry> {
    const { directory, files, log } = this.#options
    const path = join(directory, `${encodeURIComponent(name)}.json`)
    const committed = parseCommitted(await files.readAll(path))
    const commit = (at: TopicPartition, next: Offset): void => {
      committed.set(keyOf(at), next)
      entry.isDirty = true
      this.#writing ??= this.#writeLater()
    }
    const entry: Entry = {
      group: new LocalGroup({
        partitionsOf: (topic) => log.partitionsOf(topic),
        reader: (at) => log.reader(at),
        commit,
      }),
      path,
      committed,
      isDirty: false,
    }
    return entry
  }

  async #writeLater(): Promise<void> {
    await this.#options.clock.sleep(writeDelayMs, this.#closing.signal)
    this.#writing = undefined
    await this.#write()
  }

  /** A file that cannot be written stays dirty; the next commit tries again. */
  async #write(): Promise<void> {
    const { directory, files } = this.#options
    for (const entry of await Promise.all(this.#entries.values())) {
      if (!entry.isDirty) continue
      entry.isDirty = false
      const bytes = Buffer.from(JSON.stringify(Object.fromEntries(entry.committed)))
      try {
        await files.makeDirectory(directory)
        await files.replace(entry.path, bytes, false)
      } catch {
        entry.isDirty = true
      }
    }
  }
}
