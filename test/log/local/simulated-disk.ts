import { dirname } from 'node:path'
import type { LogFile, LogFiles } from '../../../src/log/local/files.js'

interface Inode {
  /** The bytes that a process reads. */
  seen: Buffer
  /** The bytes that a power failure keeps for certain. */
  durable: Buffer
  /** Written but not flushed. A failed flush clears this, as on Linux, where a second flush then reports success. */
  dirty: { from: number; to: number }[]
  isNameDurable: boolean
}

const errno = (code: string): Error => Object.assign(new Error(`${code}: simulated`), { code })
const resized = (bytes: Buffer, length: number): Buffer =>
  Buffer.concat([bytes, Buffer.alloc(Math.max(0, length - bytes.length))]).subarray(0, length)

/** The unit that a disk loses or keeps. Smaller than real pages, so that small files can lose parts. */
const pageBytes = 64

/** Files in memory with failures on demand and simulated power failures. */
export class SimulatedDisk implements LogFiles {
  /** Bytes that fit; writes beyond them are truncated with ENOSPC. */
  capacityBytes = Infinity
  /** How many of the next flushes fail. */
  flushesToFail = 0
  flushes = 0
  /** The largest number of concurrent flushes of one file. */
  flushesAtOnce = 0
  /** Runs before a flush ends. */
  duringFlush: () => Promise<void> = () => Promise.resolve()
  readonly #inodes = new Map<string, Inode>()

  get usedBytes(): number {
    return [...this.#inodes.values()].reduce((sum, { seen }) => sum + seen.length, 0)
  }

  bytesOf(path: string): Buffer {
    return this.#inode(path).seen
  }

  /** The disk after a power failure: `chance` decides for every unflushed page whether it is kept. */
  afterPowerFailure(chance: () => boolean): SimulatedDisk {
    const survivor = new SimulatedDisk()
    for (const [path, inode] of this.#inodes) {
      if (!inode.isNameDurable && chance()) continue
      const bytes = resized(inode.durable, chance() ? inode.seen.length : inode.durable.length)
      for (let from = 0; from < bytes.length; from += pageBytes)
        if (inode.dirty.some((range) => range.from < from + pageBytes && range.to > from) && chance())
          inode.seen.copy(bytes, from, from, from + pageBytes)
      survivor.#inodes.set(path, { seen: bytes, durable: Buffer.from(bytes), dirty: [], isNameDurable: true })
    }
    return survivor
  }

  async open(path: string, use: 'read' | 'write' | 'create'): Promise<LogFile> {
    if (use === 'create')
      this.#inodes.set(path, { seen: Buffer.alloc(0), durable: Buffer.alloc(0), dirty: [], isNameDurable: false })
    const inode = this.#inode(path)
    let isFlushing = 0
    const flush = async (): Promise<void> => {
      this.flushes += 1
      isFlushing += 1
      this.flushesAtOnce = Math.max(this.flushesAtOnce, isFlushing)
      await this.duringFlush()
      isFlushing -= 1
      this.#flush(inode)
    }
    return {
      read: async (into, position) => inode.seen.copy(into, 0, position),
      readNow: (into, position) => inode.seen.copy(into, 0, position),
      writeThrough: async (bytes, position) => {
        const room = Math.max(
          0,
          Math.min(bytes.length, this.capacityBytes - (this.usedBytes - inode.seen.length) - position),
        )
        inode.seen = resized(inode.seen, Math.max(inode.seen.length, position + room))
        bytes.copy(inode.seen, position, 0, room)
        inode.dirty.push({ from: position, to: position + room })
        if (room < bytes.length) throw errno('ENOSPC')
        await flush()
      },
      truncate: async (bytes) => {
        inode.seen = resized(inode.seen, bytes)
        await flush()
      },
      size: async () => inode.seen.length,
      close: async () => undefined,
    }
  }

  async readAll(path: string): Promise<Buffer | undefined> {
    return this.#inodes.get(path)?.seen
  }

  async replace(path: string, bytes: Buffer): Promise<void> {
    this.#inodes.set(path, { seen: bytes, durable: bytes, dirty: [], isNameDurable: true })
  }

  async remove(path: string): Promise<void> {
    this.#inodes.delete(path)
  }

  async list(path: string): Promise<string[]> {
    const inside = [...this.#inodes.keys()]
      .filter((name) => name.startsWith(`${path}/`))
      .map((name) => name.slice(path.length + 1).split('/')[0]!)
    return [...new Set(inside)]
  }

  async makeDirectory(): Promise<void> {
    // A directory exists as soon as it contains a file.
  }

  async flushDirectory(path: string): Promise<void> {
    for (const [name, inode] of this.#inodes) if (dirname(name) === path) inode.isNameDurable = true
  }

  #flush(inode: Inode): void {
    const dirty = inode.dirty
    inode.dirty = []
    if (this.flushesToFail > 0) {
      this.flushesToFail -= 1
      throw errno('EIO')
    }
    inode.durable = resized(inode.durable, inode.seen.length)
    for (const { from, to } of dirty) inode.seen.copy(inode.durable, from, from, to)
  }

  #inode(path: string): Inode {
    const inode = this.#inodes.get(path)
    if (inode === undefined) throw errno('ENOENT')
    return inode
  }
}
