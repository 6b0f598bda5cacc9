import { gunzipSync } from 'node:zlib'
import { Decompress } from 'fzstd'
import { decompressFrameSync } from 'lz4-napi'
import { uncompress } from 'snappyjs'
import { limits } from '../../../base/limits.js'

/** Decompresses the records of a batch. `codec` is the number in its attributes. Throws on damaged input. */
export function inflate(codec: number, bytes: Buffer): Buffer {
  const decode = codecs[codec]
  if (decode === undefined) throw new RangeError(`unknown compression ${codec}`)
  const inflated = decode(bytes)
  if (inflated.length > limits.inflatedBytes) throw tooLarge()
  return inflated
}

const tooLarge = (): RangeError => new RangeError(`compressed records grow beyond ${limits.inflatedBytes} bytes`)

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Java clients and librdkafka frame snappy blocks as snappy-java does; other clients send one block without frame. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const xerialHeaderBytes = 16

function unsnap(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return viewOf(uncompress(bytes, limits.inflatedBytes))
  const blocks: Buffer[] = []
  let total = 0
  for (let at = xerialHeaderBytes; at < bytes.length;) {
    const length = bytes.readInt32BE(at)
    const end = at + 4 + length
    if (length < 0 || end > bytes.length) throw new RangeError('a snappy block runs past the end')
    const block = viewOf(uncompress(bytes.subarray(at + 4, end), limits.inflatedBytes - total))
    total += block.length
    blocks.push(block)
    at = end
  }
  return Buffer.concat(blocks, total)
}

/** Uses the streaming decoder, because librdkafka and Java do not put the content's size into the frame. */
function unzstd(bytes: Buffer): Buffer {
  const parts: Uint8Array[] = []
  let total = 0
  let isComplete = false
  const stream = new Decompress((part, final) => {
    total += part.length
    if (total > limits.inflatedBytes) throw tooLarge()
    parts.push(part)
    isComplete ||= final === true
  })
  stream.push(bytes, true)
  if (!isComplete) throw new RangeError('a zstd frame ends early')
  return Buffer.concat(parts, total)
}

const codecs: readonly ((bytes: Buffer) => Buffer)[] = [
  (bytes) => bytes,
  (bytes) => gunzipSync(bytes, { maxOutputLength: limits.inflatedBytes }),
  unsnap,
  (bytes) => decompressFrameSync(bytes),
  unzstd,
]
