import { expect, test } from 'vitest'
import { encodeBlock } from '../../src/log/blocks/codec.js'
import type { Block } from '../../src/log/blocks/block.js'
import { readTail } from '../../src/log/blocks/gate.js'
import type { Tail } from '../../src/log/blocks/gate.js'
import { block, marker } from './blocks/blocks.js'
import { openEvents, place, scratch } from './local/local-log.js'

/** The tail of a topic with these blocks, reading first the last `records` of them. */
async function tailOf(blocks: readonly Block[], records?: number, since = 0): Promise<Pick<Tail, 'epoch' | 'covered'>> {
  const log = await openEvents(await scratch())
  await log.append(
    place,
    blocks.map((each) => ({ key: null, value: encodeBlock(each) })),
  )
  const { epoch, covered } = await readTail(log, place, since, records)
  return { epoch, covered }
}

test('an empty topic has no claim and covers nothing', async () => {
  expect(await tailOf([])).toEqual({ epoch: 0, covered: -1 })
})

test('the last block gives the epoch and the last covered offset', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 4), block(1, 4, 9)])).toEqual({ epoch: 1, covered: 9 })
})

test('a marker raises the epoch and covers nothing', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 9), marker(5, 4)])).toEqual({ epoch: 5, covered: 9 })
  expect(await tailOf([marker(1, -1)])).toEqual({ epoch: 1, covered: -1 })
})

test('a block that a lost owner appended after the claim does not count', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 4), marker(2, 4), block(1, 4, 9)])).toEqual({ epoch: 2, covered: 4 })
  expect(await tailOf([marker(1, -1), block(1, -1, 4), marker(2, 1), block(1, 4, 9), block(2, 1, 3)])).toEqual({
    epoch: 2,
    covered: 4,
  })
})

test('blocks of a lost owner do not count even when the read starts after the claim', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 4), marker(2, 1), block(1, 4, 9), block(2, 1, 5)], 2)).toEqual({
    epoch: 2,
    covered: 5,
  })
})

test('earlier blocks are read while there are only markers', async () => {
  const crashes = Array.from({ length: 20 }, (_, i) => marker(2 + i, 1))
  expect(await tailOf([marker(1, -1), block(1, -1, 4), ...crashes], 2)).toEqual({ epoch: 21, covered: 4 })
})

test('when only markers are left, the offset that they follow is covered', async () => {
  expect(await tailOf([marker(3, 70), marker(4, 72)])).toEqual({ epoch: 4, covered: 72 })
})
