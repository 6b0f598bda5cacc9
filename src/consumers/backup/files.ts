import { createHash } from 'node:crypto'
import { constants, copyFile, mkdir, open, readdir, rename, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { freeBytes } from '../../base/disk.js'
import { EngineError, errnoOf, unless } from '../../base/errors.js'

const stepBytes = 1024 * 1024
export const directoryMode = 0o750

/** Called with the number of bytes after they are read or written. It throws when the work must end early. */
export type OnBytes = (bytes: number) => void

/** Copies the first `bytes` of a file to a new one. The file may be longer, and may grow. */
export async function copyStart(from: string, to: string, bytes: number, onBytes: OnBytes): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: directoryMode })
  const source = await open(from, 'r')
  try {
    await written(to, async (target) => {
      const buffer = Buffer.allocUnsafe(Math.min(stepBytes, bytes))
      for (let at = 0; at < bytes;) {
        const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, bytes - at), at)
        if (bytesRead === 0)
          throw new EngineError('LOG_DAMAGED', `${from}: ends after ${at} bytes, ${bytes} were durable`)
        await target.write(buffer, 0, bytesRead)
        at += bytesRead
        onBytes(bytesRead)
      }
    })
  } finally {
    await source.close()
  }
}

async function written(path: string, work: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx', 0o640)
  try {
    await work(file)
  } finally {
    await file.close()
  }
}

/** Copies a whole file to a new one. */
export async function copyWhole(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: directoryMode })
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
}

export async function copyIfThere(from: string, to: string): Promise<void> {
  if ((await unless(['ENOENT'], stat(from))) !== undefined) await copyWhole(from, to)
}

/** Moves a tree; copies it where it lies on another file system. */
export async function moveTree(from: string, to: string, onBytes: OnBytes): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: directoryMode })
  try {
    await rename(from, to)
  } catch (error) {
    if (errnoOf(error) !== 'EXDEV') throw error
    for (const path of await filesBelow(from)) {
      onBytes(0)
      await copyWhole(join(from, path), join(to, path))
    }
  }
}

/** The regular files below a directory, relative to it, in the order of their names; none where it is missing. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await unless(['ENOENT'], readdir(directory, { withFileTypes: true, recursive: true }))
  return (entries ?? [])
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort()
}

/** The size and checksum of a file. With `seal` it also flushes the file and sets its mode. */
export async function digestOf(
  path: string,
  onBytes: OnBytes,
  seal?: { readonly mode: number },
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash('sha256')
  const file = await open(path, 'r')
  try {
    if (seal !== undefined) await file.chmod(seal.mode)
    const buffer = Buffer.allocUnsafe(stepBytes)
    let bytes = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes)
      if (bytesRead === 0) break
      hash.update(buffer.subarray(0, bytesRead))
      bytes += bytesRead
      onBytes(bytesRead)
    }
    if (seal !== undefined) await file.sync()
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

/** Makes the names in a directory and in all directories below it durable; with `files` also the files. */
export async function flushTree(directory: string, files: boolean): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await flushTree(join(directory, entry.name), files)
    else if (files && entry.isFile()) await flush(join(directory, entry.name))
  }
  await flush(directory)
}

export async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Throws DISK_FULL when the file system of a directory has fewer bytes free. */
export async function demandRoom(directory: string, bytes: number): Promise<void> {
  const free = await freeBytes(directory)
  if (free < bytes)
    throw new EngineError(
      'DISK_FULL',
      `${directory}: ${mebibytes(bytes)} are needed and ${mebibytes(free)} are free. Free some, or name a ` +
        'directory on another disk.',
    )
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString('en-US')} MiB`
