import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBlock, decodeHead, encodeBlock } from '../../../src/log/blocks/codec.js'
import type { Block } from '../../../src/log/blocks/block.js'
import { anyBlock, block, marker } from './blocks.js'
import { failsWith } from '../records.js'

/** The block without the fields that only decoded blocks have. */
const plain = (decoded: Block): Block => {
  const { raw, ...columns } = decoded
  expect(raw).toBeDefined()
  return columns
}

/** The bytes at an unaligned position, as in the buffer of a reader. */
const displaced = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0]), bytes]).subarray(1)

const caught = (action: () => unknown): unknown => {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

test('a decoded block equals the encoded one, at any alignment of its bytes', () =>
  fc.assert(
    fc.property(anyBlock, (given) => {
      expect(plain(decodeBlock(displaced(encodeBlock(given))))).toEqual(given)
    }),
  ))

test('a decoded marker equals the encoded one', () => {
  expect(plain(decodeBlock(encodeBlock(marker(7, -1))))).toEqual(marker(7, -1))
})

test('the head is the same as that of the whole block', () => {
  const { epoch, after, last, control, rows, width } = block(4, 9, 12)
  expect(decodeHead(encodeBlock(block(4, 9, 12)))).toEqual({
    epoch,
    after,
    last,
    control,
    rows,
    width,
    lastRow: { offset: 12, recordTimeMs: 1_012 },
  })
  expect(decodeHead(encodeBlock(marker(4, 9))).lastRow).toBeUndefined()
})

test('a decoded block does not change when its buffer is overwritten', () => {
  const bytes = encodeBlock(block(1, -1, 9))
  const decoded = decodeBlock(bytes)
  bytes.fill(255)
  expect(plain(decoded)).toEqual(block(1, -1, 9))
})

test('raw text columns have the form that ClickHouse reads: length as a varint, then UTF-8', () => {
  const given = { ...block(1, -1, 1), eventIds: ['ab', 'é'.repeat(64)], reasons: ['x', 'x'] }
  const { raw } = decodeBlock(encodeBlock(given))
  expect(raw!.eventIds).toEqual(
    Buffer.concat([Buffer.from([2]), Buffer.from('ab'), Buffer.from([0x80, 0x01]), Buffer.from('é'.repeat(64))]),
  )
  expect(raw!.reasons).toEqual({ values: ['x'], of: new Uint16Array([0, 0]) })
})

test('every flipped bit is refused', () => {
  const whole = encodeBlock(block(3, -1, 5))
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(7), (at, bit) => {
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 1 << bit
      expect(caught(() => decodeBlock(bytes))).toEqual(failsWith('LOG_DAMAGED'))
    }),
    { numRuns: 500 },
  )
})

test('every truncated or extended block is refused', () => {
  const whole = encodeBlock(block(3, -1, 5))
  for (let bytes = 0; bytes < whole.length; bytes++)
    expect(caught(() => decodeBlock(whole.subarray(0, bytes)))).toEqual(failsWith('LOG_DAMAGED'))
  expect(caught(() => decodeBlock(Buffer.concat([whole, Buffer.alloc(1)])))).toEqual(failsWith('LOG_DAMAGED'))
})

test('a block whose columns have different lengths cannot be encoded', () => {
  expect(caught(() => encodeBlock({ ...block(1, -1, 3), rows: 3 }))).toBeInstanceOf(RangeError)
  expect(caught(() => encodeBlock({ ...block(1, -1, 3), width: 3 }))).toBeInstanceOf(RangeError)
})
