/** The free space of a disk, and the error for a full one. */
import { statfs } from 'node:fs/promises'
import { EngineError, errnoOf } from './errors.js'

/** Bytes that this process may still write to the file system of a directory. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/** The disk is full, the quota is used up, or the file has its largest size. */
const noSpace = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** DISK_FULL for the error of a full disk; any other error unchanged. `doing` begins the message. */
export const diskFailure = (error: unknown, doing: string): unknown =>
  noSpace.has(errnoOf(error) ?? '')
    ? new EngineError('DISK_FULL', `${doing}: no space left. Free some, or name a directory on another disk.`, {
        cause: error,
      })
    : error
