import { crc32c } from '@node-rs/crc32'
import { join } from 'node:path'
import { EngineError } from '../../base/errors.js'
import type { Offset } from '../event-log.js'
import type { LogFiles } from './files.js'
import { frameHeaderBytes, saltOf } from './frame.js'
import type { FrameHeader } from './frame.js'

/** A position where reading can start: the frame with offset `offset` begins at `position`. */
export interface Mark {
  readonly offset: Offset
  readonly position: number
  /** Largest record time from here to the next mark. */
  maxMs: number
}

/** One file of a partition: frames with consecutive offsets, starting at `base`. */
export interface Segment {
  readonly base: Offset
  readonly path: string
  readonly salt: number
  /** Durable bytes. The bytes after them contain no record. */
  bytes: number
  /** The offset after the last record. */
  next: Offset
  firstMs: number
  maxMs: number
  readonly marks: Mark[]
}

/** Distance of two marks: 128 MiB / 256 KiB = 512 marks per segment, ~20 KiB. A seek reads at most 256 KiB. */
const markBytes = 256 * 1024

const nameOf = (base: Offset): string => `${String(base).padStart(20, '0')}.segment`
const namePattern = /^(\d{20})\.segment$/

/** The base offsets of a partition's files, ascending. */
export const segmentBases = (names: readonly string[]): Offset[] =>
  names
    .flatMap((name) => namePattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)

export const newSegment = (directory: string, topic: string, partition: number, base: Offset): Segment => ({
  base,
  path: join(directory, nameOf(base)),
  salt: saltOf(topic, partition, base),
  bytes: 0,
  next: base,
  firstMs: Infinity,
  maxMs: -Infinity,
  marks: [],
})

/** Adds the frame that begins at the segment's end. */
export function extend(segment: Segment, header: FrameHeader): void {
  const mark = segment.marks.at(-1)
  if (mark === undefined || segment.bytes - mark.position >= markBytes)
    segment.marks.push({ offset: header.base, position: segment.bytes, maxMs: header.maxMs })
  else mark.maxMs = Math.max(mark.maxMs, header.maxMs)
  if (segment.bytes === 0) segment.firstMs = header.firstMs
  segment.maxMs = Math.max(segment.maxMs, header.maxMs)
  segment.bytes += frameHeaderBytes + header.bodyBytes
  segment.next = header.base + header.records
}

/** The last mark that `isBefore` accepts, or the first mark; undefined in an empty segment. Marks are ascending. */
export function lastMark(segment: Segment, isBefore: (mark: Mark) => boolean): Mark | undefined {
  let low = 0
  let high = segment.marks.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBefore(segment.marks[middle]!)) low = middle + 1
    else high = middle
  }
  return segment.marks[Math.max(0, low - 1)]
}

export const damaged = (segment: Segment, position: number, what: string): EngineError =>
  new EngineError(
    'LOG_DAMAGED',
    `${segment.path}, byte ${position}: ${what}. Nothing was changed. Stop the engine and restore this file from a ` +
      'backup. Without a backup, move this file and the older files of its directory away, which loses their ' +
      'records, and rebuild the state.',
  )

const indexPath = (segment: Segment): string => segment.path.replace(/segment$/, 'index')

type Indexed = Pick<Segment, 'bytes' | 'next' | 'firstMs' | 'maxMs' | 'marks'>

/** Writes the index of a segment that is complete, or of a closed log. It states which bytes are durable. */
export async function writeIndex(files: LogFiles, segment: Segment): Promise<void> {
  if (segment.bytes === 0) return
  const { bytes, next, firstMs, maxMs, marks } = segment
  const indexed = JSON.stringify({ bytes, next, firstMs, maxMs, marks } satisfies Indexed)
  await files.replace(indexPath(segment), Buffer.from(`${crc32c(indexed, segment.salt)} ${indexed}\n`), true)
}

/** Fills the segment from its index. A missing or damaged index leaves it empty, and the frames are read instead. */
export async function readIndex(files: LogFiles, segment: Segment): Promise<void> {
  const text = (await files.readAll(indexPath(segment)))?.toString('utf8').trimEnd() ?? ''
  const space = text.indexOf(' ')
  const indexed = text.slice(space + 1)
  if (space < 1 || Number(text.slice(0, space)) !== crc32c(indexed, segment.salt)) return
  const { marks, ...rest } = JSON.parse(indexed) as Indexed
  Object.assign(segment, rest)
  segment.marks.push(...marks)
}

export async function removeSegment(files: LogFiles, segment: Segment): Promise<void> {
  await files.remove(segment.path)
  await files.remove(indexPath(segment))
}
