import { createHash } from 'node:crypto'
import type { StatePartition } from '../state-store.js'

/*
 * Keys of the one LMDB environment. '\0' ends every part; stream names do not contain it.
 *   m stream \0 partition                              owner and extent of the partition's state
 *   d stream \0 partition \0 generation \0 entity key  one blob
 * State of another identity gets another generation, so that dropping state is one small write. A later sweep removes
 * the blobs of old generations.
 */

/** LMDB takes keys of up to 1,978 bytes; longer entity keys are stored under their hash. */
const longestKeyBytes = 1_024

const partOf = ({ stream, partition }: StatePartition): string => `${stream}\0${partition}\0`

export const metaKey = (at: StatePartition): Buffer => Buffer.from(`m${partOf(at)}`)
export const metaRange = { start: Buffer.from('m'), end: Buffer.from('n') }

/** The partition that a meta key names. */
export function partitionOfMeta(key: Buffer): StatePartition {
  const [stream = '', partition = ''] = key.toString('utf8', 1).split('\0')
  return { stream, partition: Number(partition) }
}

/** The prefix of the keys of a partition's blobs: of one generation, or of all. */
export const blobPrefix = (at: StatePartition, generation?: number): string =>
  `d${partOf(at)}${generation === undefined ? '' : `${generation}\0`}`

export function blobKey(prefix: string, key: string): Buffer {
  const plain = Buffer.from(`${prefix}=${key}`)
  return plain.length <= longestKeyBytes
    ? plain
    : Buffer.from(`${prefix}#${createHash('sha256').update(key).digest('base64')}`)
}

/** Every key that begins with the prefix. */
export function rangeOf(prefix: string): { readonly start: Buffer; readonly end: Buffer } {
  const end = Buffer.from(prefix)
  end[end.length - 1]! += 1
  return { start: Buffer.from(prefix), end }
}
