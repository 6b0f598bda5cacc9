import { constants, readSync } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { diskFailure } from '../../base/disk.js'
import { EngineError, isEngineError, messageOf, unless } from '../../base/errors.js'

/** One open file. Positions and sizes in bytes; what fails rejects with the system's own error. */
export interface LogFile {
  /** Fills `into` from `position` on; less only where the file ends. Resolves with the bytes read. */
  read(into: Buffer, position: number): Promise<number>
  /** The same on this thread: for a few bytes that were written a moment ago and so are in memory. */
  readNow(into: Buffer, position: number): number
  /** Writes all of `bytes`; they are on disk when it resolves. */
  writeThrough(bytes: Buffer, position: number): Promise<void>
  /** The new size is on disk when it resolves. */
  truncate(bytes: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** What the local log needs of a file system. Tests wrap it to count writes and to make disks fail. */
export interface LogFiles {
  /** `write` opens an existing file, `create` makes it or empties it. */
  open(path: string, use: 'read' | 'write' | 'create'): Promise<LogFile>
  readAll(path: string): Promise<Buffer | undefined>
  /** The file holds either the old bytes or the new ones, never a mixture. Durable only where `durable` is true. */
  replace(path: string, bytes: Buffer, durable: boolean): Promise<void>
  /** Absent files and directories are nothing to remove and have nothing to list. */
  remove(path: string): Promise<void>
  list(path: string): Promise<string[]>
  makeDirectory(path: string): Promise<void>
  /** Makes created, renamed and removed names of the directory durable. */
  flushDirectory(path: string): Promise<void>
}

const fileMode = 0o640
const directoryMode = 0o750

/**
 * Linux writes and flushes in one call where the file was opened so: a third of the time on the main thread of two
 * calls (105 us against 290), for each is handed to a thread that has to be woken. Elsewhere a flush follows the write.
 */
const writesThrough = process.platform === 'linux'

const flags = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
} as const

async function readFully(handle: FileHandle, into: Buffer, position: number): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

async function writeFully(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written)
    written += bytesWritten
  }
}

const openFile = (handle: FileHandle, ephemeral: boolean): LogFile => ({
  read: (into, position) => readFully(handle, into, position),
  readNow: (into, position) => readSync(handle.fd, into, 0, into.length, position),
  async writeThrough(bytes, position) {
    await writeFully(handle, bytes, position)
    if (!ephemeral && !writesThrough) await handle.datasync()
  },
  async truncate(bytes) {
    await handle.truncate(bytes)
    if (!ephemeral) await handle.datasync()
  },
  size: async () => (await handle.stat()).size,
  close: () => handle.close(),
})

/** Names of a path that does not exist. */
const absent = ['ENOENT', 'ENOTDIR']

async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function replace(path: string, bytes: Buffer, durable: boolean): Promise<void> {
  const temporary = `${path}.new`
  const handle = await open(temporary, flags.create, fileMode)
  try {
    await writeFully(handle, bytes, 0)
    if (durable) await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
  if (durable) await flushDirectory(dirname(path))
}

/** The file system of this machine. `ephemeral` never waits for the disk: what a crash of the machine takes is lost. */
export const diskFiles = (ephemeral: boolean): LogFiles => ({
  open: async (path, use) =>
    openFile(
      await open(path, flags[use] | (use === 'write' && writesThrough && !ephemeral ? constants.O_DSYNC : 0), fileMode),
      ephemeral,
    ),
  readAll: (path) => unless(absent, readFile(path)),
  replace: (path, bytes, durable) => replace(path, bytes, durable && !ephemeral),
  remove: (path) => unless(absent, unlink(path)),
  list: async (path) => (await unless(absent, readdir(path))) ?? [],
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: directoryMode })
  },
  flushDirectory: (path) => (ephemeral ? Promise.resolve() : flushDirectory(path)),
})

/** DISK_FULL or LOG_DOWN for what the system reports; engine errors stay what they are. */
export function logFailure(error: unknown, doing: string): EngineError {
  const told = diskFailure(error, doing)
  return isEngineError(told) ? told : new EngineError('LOG_DOWN', `${doing}: ${messageOf(error)}`, { cause: error })
}
