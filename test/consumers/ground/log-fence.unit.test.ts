import { expect, test } from 'vitest'
import { openLogFence } from '../../../src/consumers/ground/log-fence.js'
import { encodeBlock } from '../../../src/log/blocks/codec.js'
import { marker } from '../../log/blocks/blocks.js'
import { openEvents, place, scratch } from '../../log/local/local-log.js'
import { failsWith } from '../../log/records.js'

/** A topic of blocks with a fence of epoch 2 that begins at its end, and ways to append to it. */
async function fenced() {
  const log = await openEvents(await scratch())
  const append = (epoch: number): Promise<number> =>
    log.append(place, [{ key: null, value: encodeBlock(marker(epoch, -1)) }])
  await append(1)
  const fence = openLogFence(log, place, 1)
  return { append, appendOurs: async (least = 3) => fence.passed(await append(2), least) }
}

test('an owner that writes alone goes on', async () => {
  const { appendOurs } = await fenced()
  for (let i = 0; i < 3; i++) await appendOurs()
})

test('an owner behind whose last block a younger one wrote is fenced', async () => {
  const { append, appendOurs } = await fenced()
  await appendOurs()
  await append(3)
  await expect(appendOurs()).rejects.toEqual(failsWith('FENCED'))
})

test('what an older owner wrote meanwhile, or the same one twice, stops nobody', async () => {
  const { append, appendOurs } = await fenced()
  await append(1)
  await append(2)
  await appendOurs()
  await append(1)
  await appendOurs()
})

test('of two owners with one epoch the second to mark the log is fenced', async () => {
  const { append, appendOurs } = await fenced()
  await append(2)
  await expect(appendOurs(2)).rejects.toEqual(failsWith('FENCED'))
})
