import { join } from 'node:path'
import { EngineError } from '../../base/errors.js'
import type { LogFile, LogFiles } from './files.js'
import { frameHeaderBytes, magicBytes, readHeader } from './frame.js'
import { damaged, extend, newSegment, readIndex, segmentBases, writeIndex } from './segment.js'
import type { Segment } from './segment.js'
import { Window, frameAt } from './window.js'

/** The end of a file that was removed when the log was opened: a write that was never acknowledged. */
export interface Repair {
  readonly file: string
  readonly bytes: number
  readonly reason: string
}

/** Reading only headers uses small steps, because the records between them are not needed. */
const headerWindowBytes = 4 * 1024

/** Adds the frames after the segment's end, up to `size`. Stops at the first damaged frame and returns the reason. */
async function count(file: LogFile, segment: Segment, size: number, body: boolean): Promise<string | undefined> {
  const window = new Window(body ? undefined : headerWindowBytes)
  while (segment.bytes < size) {
    const frame = await frameAt(window, { file, segment, position: segment.bytes, end: size, body })
    if (typeof frame === 'string') return frame
    if (frame.header.base !== segment.next)
      return `a frame begins with offset ${frame.header.base} instead of ${segment.next}`
    extend(segment, frame.header)
  }
  return undefined
}

/**
 * The position of an intact frame after the damaged one, if there is any. A flush writes one frame, and the next flush
 * starts when that frame is on disk. So a later frame proves that the bytes before it were complete and acknowledged.
 */
async function laterFrame(file: LogFile, segment: Segment, size: number): Promise<number | undefined> {
  const window = new Window()
  for (let position = segment.bytes; position + frameHeaderBytes <= size;) {
    const start = await window.hold(file, position, frameHeaderBytes, size, false)
    if (start < 0) return undefined
    const { bytes } = window
    for (let at = bytes.indexOf(magicBytes, start); at >= 0; at = bytes.indexOf(magicBytes, at + 1)) {
      const header = readHeader(bytes, at, segment.salt)
      if (header !== undefined && header.base > segment.next) return position + at - start
    }
    position += bytes.length - start - frameHeaderBytes + 1
  }
  return undefined
}

async function cutTail(file: LogFile, segment: Segment, size: number, reason: string): Promise<Repair> {
  const later = await laterFrame(file, segment, size)
  if (later !== undefined)
    throw damaged(segment, segment.bytes, `${reason}, and an intact frame follows at byte ${later}`)
  await file.truncate(segment.bytes)
  return { file: segment.path, bytes: size - segment.bytes, reason: `after byte ${segment.bytes} ${reason}` }
}

/** Reads what a file holds. Only the last file of a partition may end with an unfinished write. */
async function examine(files: LogFiles, segment: Segment, isLast: boolean): Promise<Repair | undefined> {
  await readIndex(files, segment)
  const file = await files.open(segment.path, isLast ? 'write' : 'read')
  try {
    const size = await file.size()
    if (size < segment.bytes)
      throw damaged(segment, size, `${segment.bytes - size} acknowledged bytes are missing at the end`)
    if (size === segment.bytes) return undefined
    const reason = await count(file, segment, size, isLast)
    if (reason !== undefined && isLast) return await cutTail(file, segment, size, reason)
    if (reason !== undefined) throw damaged(segment, segment.bytes, reason)
  } finally {
    await file.close()
  }
  if (!isLast) await writeIndex(files, segment)
  return undefined
}

/**
 * The segments of one partition, ascending, and the removed ends of unfinished writes. It is fast: it verifies only the
 * last file, and only if the log was not closed properly. Frames of older files are verified when they are read. Throws
 * LOG_DAMAGED.
 */
export async function openSegments(
  files: LogFiles,
  directory: string,
  topic: string,
  partition: number,
): Promise<{ readonly segments: Segment[]; readonly repairs: readonly Repair[] }> {
  const path = join(directory, topic, String(partition))
  const bases = segmentBases(await files.list(path))
  const segments = bases.map((base) => newSegment(path, topic, partition, base))
  const repairs: Repair[] = []
  for (const [i, segment] of segments.entries()) {
    const repair = await examine(files, segment, i === segments.length - 1)
    if (repair !== undefined) repairs.push(repair)
    const before = segments[i - 1]
    if (before !== undefined && before.next !== segment.base)
      throw new EngineError(
        'LOG_DAMAGED',
        `${path}: ${before.path} ends before offset ${before.next} and the next file begins with ${segment.base}. ` +
          'Restore the missing file from a backup.',
      )
  }
  return { segments, repairs }
}
