/** How much room a disk has, and how its fullness is told. */
import { statfs } from 'node:fs/promises'
import { EngineError, errnoOf } from './errors.js'

/** Bytes that are left to this process on the file system of a directory. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/** No room: on the disk, in a quota, or in the largest size of a file. */
const noSpace = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** DISK_FULL for what a full disk says, anything else as it is. */
export const diskFailure = (error: unknown, doing: string): unknown =>
  noSpace.has(errnoOf(error) ?? '')
    ? new EngineError('DISK_FULL', `${doing}: no space left. Free some, or name a directory on another disk.`, {
        cause: error,
      })
    : error
