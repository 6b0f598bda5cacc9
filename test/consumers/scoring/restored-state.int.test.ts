import { strict as assert } from 'node:assert'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { certify } from '../../../src/consumers/replay/certify/certify.js'
import type { CatchUp } from '../../../src/consumers/scoring/dependencies.js'
import { partitionOf } from '../../../src/base/keys.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, monday, passes, type EngineHarness, type Seen } from '../engine-harness.js'
import { replayHarness } from '../replay/replay-harness.js'

// An operator restored files from copies: the state is older than the log, or the other way round.

/** Beyond the stream's retention, which drops what is there when the log is swept. */
const longAgo = monday + 90 * 86_400_000
const acme = { topic: 'doors', partition: partitionOf(Buffer.from('acme'), 4) }

async function scoreAll(harness: EngineHarness, catchUps: CatchUp[] = []): Promise<void> {
  const flow = await harness.score({ onCatchUp: (catchUp) => catchUps.push(catchUp) })
  await flow.caughtUp()
  await flow.stop()
}

const copied = (harness: EngineHarness, to: string): Promise<void> =>
  harness.withStateClosed((state) => cp(state, join(harness.directory, to), { recursive: true }))

const restore = (harness: EngineHarness, from: string): Promise<void> =>
  harness.withStateClosed(async (state) => {
    await rm(state, { recursive: true })
    await cp(join(harness.directory, from), state, { recursive: true })
  })

const vectors = (seen: ReadonlyMap<string, Seen>): readonly (readonly [string, readonly number[]])[] =>
  [...seen].map(([place, { vector }]) => [place, vector])

test('a state restored from an older copy catches up, and no result is published again', async () => {
  const calm = await engineHarness()
  await calm.append(passes(120))
  await scoreAll(calm)

  const harness = await engineHarness()
  await harness.append(passes(40))
  await scoreAll(harness)
  await copied(harness, 'old')
  await harness.append(passes(40, 40))
  await scoreAll(harness)
  await restore(harness, 'old')
  const catchUps: CatchUp[] = []
  await harness.append(passes(40, 80))
  await scoreAll(harness, catchUps)
  assert.deepEqual(
    catchUps
      .filter(({ partition }) => partition === acme.partition)
      .map(({ isRebuild, first, last }) => ({ isRebuild, first, last }))[0],
    { isRebuild: false, first: 40, last: 79 },
  )
  assert.deepEqual(await harness.seen(), await calm.seen())
})

test('a state that ends before the log begins is dropped and rebuilt from what the log holds', async () => {
  const harness = await engineHarness()
  await harness.append(passes(30), longAgo)
  await scoreAll(harness)
  await copied(harness, 'old')
  await harness.append(passes(30, 30), longAgo)
  await scoreAll(harness)
  await harness.log.sweep!()
  await harness.append(passes(30, 60))
  await scoreAll(harness)
  const before = await harness.seen()
  await restore(harness, 'old')
  await harness.append(passes(30, 90))
  const catchUps: CatchUp[] = []
  await scoreAll(harness, catchUps)

  const first = catchUps.find(({ partition }) => partition === acme.partition)!
  assert.deepEqual([first.isRebuild, first.last], [true, 89])
  assert.equal(first.first, (await harness.log.bounds(acme)).first)
  const after = await harness.seen()
  assert.equal(after.size, 120)
  for (const [place, seen] of before) assert.deepEqual(after.get(place), seen, 'published results do not change')
  // Those behind: as if the log had begun where it does now.
  const fresh = await engineHarness()
  await fresh.append(passes(120 - first.first, first.first))
  await scoreAll(fresh)
  const shifted = new Map(
    vectors(await fresh.seen()).map(([place, vector]) => [
      `${acme.partition}/${Number(place.split('/')[1]) + first.first}`,
      vector,
    ]),
  )
  for (const [place, vector] of vectors(after))
    if (Number(place.split('/')[1]) >= 90) assert.deepEqual(vector, shifted.get(place), place)
})

test('a predictions topic restored from an older copy stops with GAP; an accept resumes it without them', async () => {
  const harness = await engineHarness()
  const topic = harness.stream.topics.predictions
  await harness.append(passes(50))
  await scoreAll(harness)
  await harness.withLogClosed((log) =>
    cp(join(log, topic), join(harness.directory, 'old-predictions'), { recursive: true }),
  )
  await harness.append(passes(30, 50))
  await scoreAll(harness)
  await harness.withLogClosed(async (log) => {
    await rm(join(log, topic), { recursive: true })
    await cp(join(harness.directory, 'old-predictions'), join(log, topic), { recursive: true })
  })
  await harness.append(passes(20, 80))
  const stops = await harness.stops()
  const flow = await harness.score({ stops })
  while (stops.stopped().length === 0) await systemClock.sleep(2)
  const [stop] = stops.stopped()
  assert.deepEqual([stop!.code, stop!.lost], ['GAP', { topic: 'doors', from: 50, to: 79 }])
  assert.match(stop!.message, /predictions were lost/)
  await stops.accept(acme, 'key-1', 'the warehouse has them')
  await flow.caughtUp()
  const offsets = [...(await harness.seen(stops)).keys()].map((place) => Number(place.split('/')[1]))
  assert.deepEqual(offsets, [
    ...Array.from({ length: 50 }, (_, i) => i),
    ...Array.from({ length: 20 }, (_, i) => 80 + i),
  ])
  // The state had the events whose predictions are lost: those behind are what they would have been.
  const calm = await engineHarness()
  await calm.append(passes(100))
  await scoreAll(calm)
  const expected = await calm.seen()
  for (const [place, seen] of await harness.seen(stops)) assert.deepEqual(seen, expected.get(place), place)
  const certificate = await certify(
    { stream: doors, id: 'certify-1', build: 'test', cpu: 'test' },
    (await replayHarness(harness)).parts,
  )
  assert.deepEqual([certificate!.equal, certificate!.served.predictions, certificate!.givenUp], [true, 70, 30])
})
