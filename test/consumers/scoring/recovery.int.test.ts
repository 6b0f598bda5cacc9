import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import type { StateStore } from '../../../src/state/state-store.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { engineHarness, passes } from '../engine-harness.js'
import { commitless, undisturbed } from './undisturbed.js'

test('after a crash without a commit no result is published twice, and the scores continue unchanged', async () => {
  const events = passes(300)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events.slice(0, 170))
  const crashed = await harness.score({ store: commitless(harness.store) })
  await crashed.caughtUp()
  await crashed.stop()
  await harness.append(events.slice(170))
  const again = await harness.score()
  await again.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
  assert.equal(
    again.chunks.reduce((sum, { records }) => sum + records, 0),
    130,
    'only what had no result is scored',
  )
})

test('after a crash between two commits the engine continues from the last commit', async () => {
  const events = passes(400)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  let commits = 0
  const dying: StateStore = {
    claim: (...args) => harness.store.claim(...args),
    load: (...args) => harness.store.load(...args),
    commit: (change) =>
      ++commits > 2 ? Promise.reject(new EngineError('STORE_DOWN', 'gone')) : harness.store.commit(change),
    sweep: (...args) => harness.store.sweep(...args),
  }
  await harness.append(events.slice(0, 250))
  const first = await harness.score({
    store: dying,
    settings: { commitIntervalMs: 0, commitIntervalMaxMs: 0, chunkRecords: 20, cachedEntities: 1_000, seenIds: 1_000 },
  })
  await first.caughtUp()
  await first.stop()
  assert.ok(commits > 2, 'a commit was refused')
  await harness.append(events.slice(250))
  const second = await harness.score()
  await second.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
})

test('a lost state is rebuilt from the log, bit for bit, and no result is published again', async () => {
  const events = passes(260)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events.slice(0, 200))
  const before = await harness.score()
  await before.caughtUp()
  await before.stop()
  await harness.loseState()
  await harness.append(events.slice(200))
  const after = await harness.score()
  await after.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
  assert.equal(
    after.chunks.reduce((sum, { records }) => sum + records, 0),
    60,
  )
})

test('an owner whose partition another one claimed claims it again with a higher epoch', async () => {
  const events = passes(120)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events.slice(0, 60))
  const flow = await harness.score()
  await flow.caughtUp()
  const { partition, block } = flow.chunks.at(-1)!
  const { epoch } = await harness.store.claim({ stream: 'doors', partition }, harness.stream.stateIdentity, block.epoch)
  await harness.append(events.slice(60))
  await flow.caughtUp()
  while (
    !(await harness.records(harness.stream.topics.predictions, partition)).some(
      ({ value }) => decodeBlock(value!).epoch > epoch,
    )
  )
    await new Promise((resolve) => setTimeout(resolve, 20))
  await flow.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
})

test('a state that is ahead of the log stops the partition with LOG_RESET', async () => {
  const harness = await engineHarness()
  const at = { stream: 'doors', partition: 0 }
  const { epoch, claim } = await harness.store.claim(at, harness.stream.stateIdentity, 0)
  await harness.store.commit({ at, epoch, claim, previous: -1, last: 500, puts: [] })
  const flow = await harness.score()
  await assert.rejects(flow.failed, (error) => isEngineError(error, 'LOG_RESET'))
})
