import { strict as assert } from 'node:assert'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import type { StoppedPartition } from '../../../src/contracts/partitions.js'
import { acceptedBadShares } from '../../../src/consumers/control/accepted.js'
import type { Stops } from '../../../src/consumers/control/stops.js'
import { isEngineError } from '../../../src/base/errors.js'
import { partitionOf } from '../../../src/base/keys.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, monday, passes, settings, type EngineHarness } from '../engine-harness.js'

const soon = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await systemClock.sleep(2)
}

/** The stop of the only stopped partition. */
async function theStop(stops: Stops): Promise<StoppedPartition> {
  await soon(() => stops.stopped().length > 0)
  assert.equal(stops.stopped().length, 1)
  return stops.stopped()[0]!
}

/** Older than the stream's retention: a sweep of the log drops the events of this time. */
const longAgo = monday + 90 * 86_400_000
const predictions = compileStream(doors).topics.predictions
const acme = { topic: 'doors', partition: partitionOf(Buffer.from('acme'), 4) }
const offsetsIn = async (harness: EngineHarness, partition: number, stops?: Stops): Promise<number[]> =>
  [...(await harness.seen(stops)).keys()]
    .map((place) => place.split('/').map(Number))
    .filter(([of]) => of === partition)
    .map(([, offset]) => offset!)
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** Resolves when the last block ends with this offset. */
async function published(harness: EngineHarness, last: number): Promise<void> {
  for (;;) {
    const value = (await harness.records(predictions, acme.partition)).at(-1)?.value
    if (value !== undefined && value !== null && decodeBlock(value).last === last) return
    await systemClock.sleep(5)
  }
}

/** A routing without models, at the position of the last accept. */
const routingWith = (stops: Stops) => () => ({ ...emptyRouting, position: stops.accepted().at(-1)?.position ?? 0 })

/** Scores everything that is in the log and stops. */
async function scoreAll(harness: EngineHarness): Promise<void> {
  const flow = await harness.score()
  await flow.caughtUp()
  await flow.stop()
}

/** 60 events are scored. Retention drops 30 more before they are scored. 20 follow. */
async function withAGap(): Promise<EngineHarness> {
  const harness = await engineHarness()
  await harness.append(passes(60), longAgo)
  await scoreAll(harness)
  await harness.append(passes(30, 60), longAgo)
  await harness.log.sweep!()
  await harness.append(passes(20, 90), longAgo)
  return harness
}

describe('events that retention dropped before they had a result', () => {
  test('stop their partition with GAP, and no other partition', async () => {
    const harness = await withAGap()
    const other = Array.from({ length: 30 }, (_, i) => `tenant-${i}`).find(
      (name) => partitionOf(Buffer.from(name), 4) !== acme.partition,
    )!
    await harness.append(passes(15, 0, other))
    const stops = await harness.stops()
    await harness.score({ stops })
    const { lost, message, ...stop } = await theStop(stops)
    assert.deepEqual(
      { reader: stop.reader, topic: stop.topic, partition: stop.partition, code: stop.code, lost },
      { reader: 'scoring', ...acme, code: 'GAP', lost: { topic: 'doors', from: 60, to: 89 } },
    )
    assert.match(message, /retention removed events 60 to 89/)
    while ((await offsetsIn(harness, partitionOf(Buffer.from(other), 4))).length < 15) await systemClock.sleep(5)
    assert.deepEqual(await offsetsIn(harness, acme.partition), range(0, 59))
  })

  test('are accepted as lost in every process, with a name, a reason and the offsets', async () => {
    const harness = await withAGap()
    const stops = await harness.stops()
    const elsewhere = await harness.stops()
    const flow = await harness.score({ stops })
    await theStop(stops)
    const [accepted] = await stops.accept(acme, 'key-1', 'the disk was full')
    assert.deepEqual(
      { by: accepted!.by, why: accepted!.why, lost: accepted!.lost },
      { by: 'key-1', why: 'the disk was full', lost: { topic: 'doors', from: 60, to: 89 } },
    )
    await flow.caughtUp()
    await flow.stop()
    assert.deepEqual(await offsetsIn(harness, acme.partition), [...range(0, 59), ...range(90, 109)])
    await soon(() => elsewhere.accepted().length === 1)
    assert.deepEqual(elsewhere.accepted(), stops.accepted())
    await harness.loseState()
    await harness.append(passes(5, 110))
    const again = await harness.score({ stops: await harness.stops() })
    await again.caughtUp()
    assert.deepEqual(await offsetsIn(harness, acme.partition), [...range(0, 59), ...range(90, 114)])
  })

  test('stop the partition again where other events were dropped', async () => {
    const harness = await withAGap()
    const stops = await harness.stops()
    const flow = await harness.score({ stops })
    await theStop(stops)
    await stops.accept(acme, 'key-1', 'the disk was full')
    await flow.caughtUp()
    await flow.stop()
    await harness.append(passes(7, 110), longAgo)
    await harness.log.sweep!()
    await harness.append(passes(3, 117), longAgo)
    const again = await harness.score({ stops })
    assert.deepEqual((await theStop(stops)).lost, { topic: 'doors', from: 110, to: 116 })
    await stops.accept(acme, 'key-1', 'once more')
    await again.caughtUp()
    assert.deepEqual(await offsetsIn(harness, acme.partition), [...range(0, 59), ...range(90, 109), ...range(117, 119)])
  })

  test('stay a stop if an accept names another code; an accept of a running partition is refused', async () => {
    const harness = await withAGap()
    const stops = await harness.stops()
    await harness.score({ stops })
    await theStop(stops)
    for (const wrong of [
      { ...acme, code: 'LOG_RESET' },
      { ...acme, partition: (acme.partition + 1) % 4 },
    ])
      await assert.rejects(stops.accept(wrong, 'key-1', 'a mistake'), (error) => isEngineError(error, 'BAD_REQUEST'))
    assert.equal(stops.stopped().length, 1)
  })

  test('are found by the next process too, which reports them once', async () => {
    const harness = await withAGap()
    const stops = await harness.stops()
    const flow = await harness.score({ stops })
    await theStop(stops)
    await flow.stop()
    const next = await harness.stops()
    const before = (await harness.log.bounds({ topic: 'control', partition: 0 })).next
    const second = await harness.score({ stops: next })
    while (
      (await harness.records(predictions, acme.partition)).filter(({ value }) => decodeBlock(value!).rows === 0)
        .length < 3
    )
      await systemClock.sleep(5)
    await second.stop()
    assert.equal((await harness.log.bounds({ topic: 'control', partition: 0 })).next, before)
  })
})

describe('a predictions topic that was lost', () => {
  const losing = async (): Promise<EngineHarness> => {
    const harness = await engineHarness()
    await harness.append(passes(50))
    await scoreAll(harness)
    await harness.withLogClosed((log) => rm(join(log, predictions), { recursive: true }))
    await harness.append(passes(20, 50))
    return harness
  }

  test('stops the partition with LOG_RESET; once accepted, what was published is not published again', async () => {
    const harness = await losing()
    const stops = await harness.stops()
    const flow = await harness.score({ stops })
    const stop = await theStop(stops)
    assert.deepEqual([stop.code, stop.lost], ['LOG_RESET', { topic: predictions, from: 0, to: 49 }])
    await stops.accept(acme, 'key-1', 'the warehouse has them')
    await published(harness, 69)
    const blocks = (await harness.records(predictions, acme.partition)).map(({ value }) => decodeBlock(value!))
    assert.deepEqual(
      blocks.flatMap(({ offsets }) => [...offsets]),
      range(50, 69),
    )
    await flow.stop()
  })
})

describe('a recreated event topic', () => {
  const renewed = async (count: number, timestampMs?: number): Promise<EngineHarness> => {
    const harness = await engineHarness()
    await harness.append(passes(50), timestampMs)
    await scoreAll(harness)
    await harness.withLogClosed((log) => rm(join(log, 'doors'), { recursive: true }))
    await harness.append(passes(count, 1_000))
    return harness
  }

  for (const [what, count] of [
    ['though it is shorter', 20],
    ['though it has grown beyond what was scored', 80],
  ] as const)
    test(`stops the partition with LOG_RESET, ${what}; once accepted, it starts again without a history`, async () => {
      const harness = await renewed(count, longAgo)
      const stops = await harness.stops()
      const flow = await harness.score({ stops, routing: routingWith(stops) })
      const stop = await theStop(stops)
      assert.deepEqual([stop.code, stop.lost], ['LOG_RESET', { topic: 'doors', from: 0, to: 49 }])
      await stops.accept(acme, 'key-1', 'moved to another cluster')
      await published(harness, count - 1)
      await flow.stop()
      const fresh = await engineHarness()
      await fresh.append(passes(count, 1_000))
      await scoreAll(fresh)
      const vectorOfLast = async (of: EngineHarness): Promise<unknown> =>
        [...decodeBlock((await of.records(predictions, acme.partition)).at(-1)!.value!).vectors].slice(-6)
      assert.deepEqual(await vectorOfLast(harness), await vectorOfLast(fresh), 'nothing is remembered of the old topic')
      const next = await harness.stops()
      await harness.append(passes(3, 1_000 + count))
      const again = await harness.score({ stops: next, routing: routingWith(next) })
      await again.caughtUp()
      assert.equal(next.stopped().length, 0)
    })
})

test('a partition that stopped for too many bad records resumes once the stop is accepted', async () => {
  const harness = await engineHarness()
  await harness.append([...passes(60), ...Array.from({ length: 12 }, (_, i) => `{"broken ${i}`), ...passes(30, 60)])
  const stops = await harness.stops()
  const flow = await harness.score({
    stops,
    acceptedBadShares: (_stream, partition) => acceptedBadShares(stops, { topic: 'doors', partition }),
    settings: { ...settings, badShare: { share: 0.2, records: 50 } },
  })
  const stop = await theStop(stops)
  assert.deepEqual([stop.code, stop.lost], ['BAD_SHARE', { topic: 'doors', from: 70, to: 70 }])
  await stops.accept(acme, 'key-1', 'the producer is mended')
  await flow.caughtUp()
  assert.equal((await offsetsIn(harness, acme.partition)).length, 90)
})
