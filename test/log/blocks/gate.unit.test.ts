import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBlock, encodeBlock } from '../../../src/log/blocks/codec.js'
import type { Block } from '../../../src/log/blocks/block.js'
import { openGate } from '../../../src/log/blocks/gate.js'
import { block, marker } from './blocks.js'
import { failsWith } from '../records.js'

const offsets = (admitted: Block | undefined): number[] => Array.from(admitted?.offsets ?? [])

test('blocks that follow each other pass whole', () => {
  const gate = openGate(-1)
  expect(gate.admit(marker(1, -1))).toBeUndefined()
  expect(gate.admit(block(1, -1, 3))).toEqual(block(1, -1, 3))
  expect(gate.admit(block(1, 3, 5))).toEqual(block(1, 3, 5))
  expect(gate).toMatchObject({ epoch: 1, covered: 5 })
})

test('a block that was appended twice passes once', () => {
  const gate = openGate(-1)
  gate.admit(block(1, -1, 3))
  expect(gate.admit(block(1, -1, 3))).toBeUndefined()
  expect(gate.covered).toBe(3)
})

test('a new owner that starts from the last commit repeats no offset', () => {
  const gate = openGate(-1)
  gate.admit(block(1, -1, 3))
  gate.admit(block(1, 3, 6))
  expect(gate.admit(marker(2, 3))).toBeUndefined()
  const trimmed = gate.admit(block(2, 3, 9))!
  expect(trimmed).toEqual({ ...block(2, 6, 9) })
  expect(gate.admit(block(2, 9, 10))).toEqual(block(2, 9, 10))
})

test('blocks of an owner that lost the partition are ignored, even with new offsets', () => {
  const gate = openGate(-1)
  gate.admit(block(1, -1, 3))
  gate.admit(marker(2, 3))
  expect(gate.admit(block(1, 3, 6))).toBeUndefined()
  expect(offsets(gate.admit(block(2, 3, 4)))).toEqual([4])
  expect(gate).toMatchObject({ epoch: 2, covered: 4 })
})

test('missing blocks stop the reader', () => {
  const gate = openGate(3)
  expect(() => gate.admit(block(1, 4, 6))).toThrow(failsWith('GAP'))
  expect(gate.covered).toBe(3)
})

test('a reader without a watermark begins with the first block', () => {
  const gate = openGate(undefined)
  expect(gate.covered).toBeUndefined()
  expect(gate.admit(block(4, 99, 101))).toEqual(block(4, 99, 101))
  expect(() => gate.admit(block(4, 102, 103))).toThrow(failsWith('GAP'))
})

test('offsets without a row are covered too', () => {
  const gate = openGate(-1)
  const dead = gate.admit(block(1, -1, 4, []))!
  expect(dead).toMatchObject({ rows: 0, last: 4 })
  expect(offsets(gate.admit(block(2, 1, 8, [3, 6, 8])))).toEqual([6, 8])
  expect(gate.admit(block(2, 8, 9, []))).toMatchObject({ rows: 0, after: 8, last: 9 })
})

test('a trimmed block is trimmed in every column, including raw ones', () => {
  const gate = openGate(4)
  const trimmed = gate.admit(decodeBlock(encodeBlock(block(1, -1, 9))))!
  const { raw, ...columns } = trimmed
  expect(columns).toEqual(block(1, 4, 9))
  expect(raw!.eventIds).toEqual(decodeBlock(encodeBlock(block(1, 4, 9))).raw!.eventIds)
  expect(raw!.entities).toEqual(decodeBlock(encodeBlock(block(1, 4, 9))).raw!.entities)
  expect(Array.from(raw!.tenants.of, (index) => raw!.tenants.values[index])).toEqual(columns.tenants)
  expect(Array.from(raw!.reasons.of, (index) => raw!.reasons.values[index])).toEqual(columns.reasons)
})

/**
 * Owners that crash and write again from their last commit, while the previous owner may still have one append in
 * flight.
 */
const history = fc.array(
  fc.record({
    blocks: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 }),
    committed: fc.nat(100),
    lateBlock: fc.option(fc.nat(6)),
  }),
  { minLength: 1, maxLength: 6 },
)

test('each offset passes once and in order, for all crashes and repetitions of owners', () =>
  fc.assert(
    fc.property(history, (owners) => {
      const topic: Block[] = []
      let committed = -1
      let valid = -1
      for (const [i, owner] of owners.entries()) {
        topic.push(marker(i + 1, committed))
        let after = committed
        for (const size of owner.blocks) topic.push(block(i + 1, after, (after += size)))
        valid = Math.max(valid, after)
        committed += owner.committed % (after - committed + 1)
        const next = owners[i + 1]
        if (next !== undefined && owner.lateBlock !== null) {
          topic.push(marker(i + 2, committed), block(i + 1, after, after + 1 + owner.lateBlock))
        }
      }
      const gate = openGate(-1)
      const passed = topic.flatMap((each) => offsets(gate.admit(each)))
      expect(passed).toEqual(Array.from({ length: valid + 1 }, (_, n) => n))
    }),
  ))
