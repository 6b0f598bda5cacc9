import { expect, test } from 'vitest'
import { encodeBlock } from '../../src/log/blocks/codec.js'
import type { Block } from '../../src/log/blocks/block.js'
import { readTail } from '../../src/log/blocks/gate.js'
import type { Tail } from '../../src/log/blocks/gate.js'
import { block, marker } from './blocks/blocks.js'
import { openEvents, place, scratch } from './local/local-log.js'

/** The tail of a topic of these blocks, looking at `records` of them first. */
async function tailOf(blocks: readonly Block[], records?: number, since = 0): Promise<Pick<Tail, 'epoch' | 'covered'>> {
  const log = await openEvents(await scratch())
  await log.append(
    place,
    blocks.map((each) => ({ key: null, value: encodeBlock(each) })),
  )
  const { epoch, covered } = await readTail(log, place, since, records)
  return { epoch, covered }
}

test('an empty topic was claimed by nobody and covers nothing', async () => {
  expect(await tailOf([])).toEqual({ epoch: 0, covered: -1 })
})

test('the last block tells the epoch and how far it goes', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 4), block(1, 4, 9)])).toEqual({ epoch: 1, covered: 9 })
})

test('a marker raises the epoch and covers nothing', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 9), marker(5, 4)])).toEqual({ epoch: 5, covered: 9 })
  expect(await tailOf([marker(1, -1)])).toEqual({ epoch: 1, covered: -1 })
})

test('a block that a lost owner appended behind the claim does not count', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 4), marker(2, 4), block(1, 4, 9)])).toEqual({ epoch: 2, covered: 4 })
  expect(await tailOf([marker(1, -1), block(1, -1, 4), marker(2, 1), block(1, 4, 9), block(2, 1, 3)])).toEqual({
    epoch: 2,
    covered: 4,
  })
})

test('a look that begins behind the claim is not fooled by the lost owner', async () => {
  expect(await tailOf([marker(1, -1), block(1, -1, 4), marker(2, 1), block(1, 4, 9), block(2, 1, 5)], 2)).toEqual({
    epoch: 2,
    covered: 5,
  })
})

test('the look goes further back while there are only markers', async () => {
  const crashes = Array.from({ length: 20 }, (_, i) => marker(2 + i, 1))
  expect(await tailOf([marker(1, -1), block(1, -1, 4), ...crashes], 2)).toEqual({ epoch: 21, covered: 4 })
})

test('where only markers are left, what they go on from is covered', async () => {
  expect(await tailOf([marker(3, 70), marker(4, 72)])).toEqual({ epoch: 4, covered: 72 })
})
