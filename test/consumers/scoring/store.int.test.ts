import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { EngineError } from '../../../src/base/errors.js'
import type { StateStore } from '../../../src/state/state-store.js'
import { engineHarness, passes, settings } from '../engine-harness.js'
import { undisturbed } from './undisturbed.js'

test('a cache of one entity changes no score', async () => {
  const events = passes(300)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  await harness.append(events)
  const flow = await harness.score({
    settings: { commitIntervalMs: 0, commitIntervalMaxMs: 0, chunkRecords: 7, cachedEntities: 1, seenIds: 1_000 },
  })
  await flow.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
})

test('the last events are committed although no more events arrive', async () => {
  const harness = await engineHarness()
  await harness.append(passes(10))
  const flow = await harness.score()
  await flow.caughtUp()
  const { partition } = flow.chunks[0]!
  const committed = async (): Promise<number> =>
    (await harness.store.stat()).partitions.find((one) => one.partition === partition)?.last ?? -1
  while ((await committed()) < 9) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(await committed(), 9)
})

test('while the store is unreachable nothing is scored; afterwards everything is', async () => {
  const events = passes(80)
  const calm = await undisturbed(events)
  const harness = await engineHarness()
  let unreachable = true
  let asked = 0
  const flaky: StateStore = {
    claim: (...args) => harness.store.claim(...args),
    load: (...args) => (
      asked++,
      unreachable ? Promise.reject(new EngineError('STORE_DOWN', 'unreachable')) : harness.store.load(...args)
    ),
    commit: (change) => harness.store.commit(change),
    sweep: (...args) => harness.store.sweep(...args),
  }
  await harness.append(events)
  const retried: string[] = []
  const flow = await harness.score({ store: flaky, onRetry: (what) => retried.push(what) })
  while (asked < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal((await harness.seen()).size, 0)
  unreachable = false
  await flow.caughtUp()
  assert.deepEqual(await harness.seen(), calm)
  assert.ok(retried.length >= 2)
})

test('a state that no feature can read any more is dropped while events arrive, and no result changes', async () => {
  const days = Array.from({ length: 5 }, (_, day) =>
    passes(20, day * 57_600).map((event, i) => ({
      ...event,
      badge: `${i % 2 === 0 ? 'badge' : 'other'}-of-day-${day}`,
    })),
  )
  const events = [
    ...days.flat(),
    ...passes(20, 300).map((event) => ({
      ...event,
      event_id: `late-${String(event['event_id'])}`,
      badge: 'badge-of-day-0',
    })),
  ]
  const harness = await engineHarness()
  const flow = await harness.score({
    settings: { ...settings, chunkRecords: 10, commitIntervalMs: 0, commitIntervalMaxMs: 0, sweepIntervalMs: 0 },
  })
  for (const event of events) {
    await harness.append([event])
    await flow.caughtUp()
  }
  await flow.stop()
  const partition = [...(await harness.seen()).keys()].map((place) => Number(place.split('/')[0]))[0]!
  const keys = days.map((_, day) => harness.stream.plan.keyOf('badge', 'acme', [`badge-of-day-${day}`]))
  const kept = (await harness.store.load({ stream: 'doors', partition }, keys)).map((blob) => blob !== undefined)
  assert.deepEqual(kept, [false, false, false, false, true])
  assert.deepEqual(await harness.seen(), await undisturbed(events))
})
