import type { LogFile } from './files.js'
import { bodyIsIntact, frameHeaderBytes, readHeader } from './frame.js'
import type { FrameHeader } from './frame.js'
import type { Segment } from './segment.js'

/** 1 MiB holds ~4,000 events, which is two chunks. Larger reads would only take more memory. */
const windowBytes = 1024 * 1024
/** Below this size a synchronous read (~10 us) is faster than waiting for a thread that is busy with flushes. */
const nowBytes = 64 * 1024

/** A section of a file in memory. Each move uses a new buffer, so views of older buffers stay valid. */
export class Window {
  bytes = Buffer.alloc(0)
  #start = 0

  constructor(private readonly size = windowBytes) {}

  /** Loads `length` bytes from `position`; returns their index in `bytes`, or -1 when the file ends before them. */
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
  /** Index of the header in the window's bytes. */
  readonly at: number
}

export interface FrameRequest {
  readonly file: LogFile
  readonly segment: Segment
  readonly position: number
  /** The position at which the readable bytes end. */
  readonly end: number
  /** Whether the records are needed too; without them only the header is checked. */
  readonly body: boolean
  /** Whether the bytes were just written. */
  readonly recent?: boolean
}

/** The frame at a position, verified by its checksums, or a text that says what is wrong with it. */
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
