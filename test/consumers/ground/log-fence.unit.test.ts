import { expect, test } from 'vitest'
import { openLogFence } from '../../../src/consumers/ground/log-fence.js'
import { encodeBlock } from '../../../src/log/blocks/codec.js'
import { marker } from '../../log/blocks/blocks.js'
import { openEvents, place, scratch } from '../../log/local/local-log.js'
import { failsWith } from '../../log/records.js'

/** A topic of blocks, a fence of epoch 2 that begins at its end, and functions that append blocks. */
async function fenced() {
  const log = await openEvents(await scratch())
  const append = (epoch: number): Promise<number> =>
    log.append(place, [{ key: null, value: encodeBlock(marker(epoch, -1)) }])
  await append(1)
  const fence = openLogFence(log, place, 1)
  return { append, appendOurs: async (least = 3) => fence.passed(await append(2), least) }
}

test('an owner that writes alone continues', async () => {
  const { appendOurs } = await fenced()
  for (let i = 0; i < 3; i++) await appendOurs()
})

test('an owner is fenced where a newer owner wrote after its last block', async () => {
  const { append, appendOurs } = await fenced()
  await appendOurs()
  await append(3)
  await expect(appendOurs()).rejects.toEqual(failsWith('FENCED'))
})

test('blocks of an older owner, or a block written twice, fence nobody', async () => {
  const { append, appendOurs } = await fenced()
  await append(1)
  await append(2)
  await appendOurs()
  await append(1)
  await appendOurs()
})

test('of two owners with the same epoch, the second one to write a marker is fenced', async () => {
  const { append, appendOurs } = await fenced()
  await append(2)
  await expect(appendOurs(2)).rejects.toEqual(failsWith('FENCED'))
})
