import type { LogFile } from './files.js'
import { bodyIsIntact, frameHeaderBytes, readHeader } from './frame.js'
import type { FrameHeader } from './frame.js'
import type { Segment } from './segment.js'

/** 1 MiB is ~4,000 events, two chunks: larger reads would only hold more memory. */
const windowBytes = 1024 * 1024
/** Below this a read on this thread (~10 us) is cheaper than to wait for a thread behind the flushes of others. */
const nowBytes = 64 * 1024

/** A stretch of a file in memory. Every move takes a new buffer, so views of an older one stay what they are. */
export class Window {
  bytes = Buffer.alloc(0)
  #start = 0

  constructor(private readonly size = windowBytes) {}

  /** Where `position` stands in `bytes` once `length` bytes from it on are held; -1 when the file ends before that. */
  async hold(file: LogFile, position: number, length: number, end: number, recent: boolean): Promise<number> {
    const at = position - this.#start
    if (at >= 0 && at + length <= this.bytes.length) return at
    const wanted = Math.min(end - position, Math.max(length, this.size))
    if (wanted < length) return -1
    const into = Buffer.allocUnsafeSlow(wanted)
    const filled = recent && wanted <= nowBytes ? file.readNow(into, position) : await file.read(into, position)
    this.bytes = into.subarray(0, filled)
    this.#start = position
    return filled < length ? -1 : 0
  }
}

export interface Frame {
  readonly header: FrameHeader
  /** Where the header stands in the window's bytes. */
  readonly at: number
}

export interface FrameRequest {
  readonly file: LogFile
  readonly segment: Segment
  readonly position: number
  /** Where the bytes that may be read end. */
  readonly end: number
  /** Whether the records are wanted too; without them only the header is checked. */
  readonly body: boolean
  /** The bytes were written a moment ago. */
  readonly recent?: boolean
}

/** The frame at a position, proved by its checksums, or what is wrong with it. */
export async function frameAt(window: Window, request: FrameRequest): Promise<Frame | string> {
  const { file, segment, position, end, body, recent = false } = request
  const headerAt = await window.hold(file, position, frameHeaderBytes, end, recent)
  if (headerAt < 0) return 'the file ends inside a frame header'
  const header = readHeader(window.bytes, headerAt, segment.salt)
  if (header === undefined) return 'there is no intact frame header'
  const frameBytes = frameHeaderBytes + header.bodyBytes
  if (position + frameBytes > end) return 'the file ends inside a frame'
  if (!body) return { header, at: headerAt }
  const at = await window.hold(file, position, frameBytes, end, recent)
  if (at < 0) return 'the file ends inside a frame'
  return bodyIsIntact(window.bytes, at, header, segment.salt) ? { header, at } : 'the checksum of a frame fails'
}
