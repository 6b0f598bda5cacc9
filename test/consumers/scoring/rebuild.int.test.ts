import { strict as assert } from 'node:assert'
import type { Redis } from 'ioredis'
import { describe, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { followRebuilds } from '../../../src/consumers/scoring/rebuilds.js'
import type { CatchUp } from '../../../src/consumers/scoring/dependencies.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { StateStore } from '../../../src/state/state-store.js'
import { partitionOf } from '../../../src/base/keys.js'
import { ask, open, redisServer } from '../../state/redis/redis-servers.js'
import { engineHarness, passes, settings, type EngineHarness, type Seen } from '../engine-harness.js'

/** One entity in memory: nearly every event loads from the store. */
const forgetful = { ...settings, cachedEntities: 1, chunkRecords: 7 }
const events = passes(600)

describe('a state in Redis', () => {
  const server = redisServer('server')
  const admin = async <T>(question: (redis: Redis) => Promise<T>): Promise<T> => (await ask(server.nodes, question))[0]!
  const flush = (): Promise<unknown> => admin((redis) => redis.flushall())

  /** Every blob without its head, which names the epoch of its writer, and how far the state is. */
  const stored = (): Promise<readonly string[]> =>
    admin(async (redis) => {
      const keys = (await redis.keys('*')).filter((key) => key.includes('}=')).sort()
      const blobs = await Promise.all(
        keys.map(async (key) => `${key} ${(await redis.getBuffer(key))!.subarray(16).toString('hex')}`),
      )
      const lasts = await Promise.all(
        (await redis.keys('*:meta')).sort().map(async (key) => `${key} ${(await redis.get(key))!.split(' ')[1]!}`),
      )
      return [...blobs, ...lasts.filter((line) => !line.endsWith(' -1'))]
    })

  /**
   * Resolves when the stored state holds so many events. What is lost with the last commit of an owner would be for the
   * next one to rebuild.
   */
  async function holds(count: number): Promise<void> {
    while (!(await stored()).some((line) => line.endsWith(`:meta ${count - 1}`))) await systemClock.sleep(5)
  }

  interface Outcome {
    readonly seen: ReadonlyMap<string, Seen>
    readonly state: readonly string[]
  }

  /**
   * Scores all events, and does something to the store after half of them, under the running owner; that may bring more
   * of them, and gives how many are in.
   */
  async function run(
    disturb: (harness: EngineHarness) => Promise<number>,
    wrap: (store: StateStore) => StateStore = (store) => store,
    catchUps: CatchUp[] = [],
  ): Promise<Outcome> {
    await flush()
    const harness = await engineHarness()
    const store = wrap(await open({ nodes: server.nodes }))
    const flow = await harness.score({ store, settings: forgetful, onCatchUp: (catchUp) => catchUps.push(catchUp) })
    await harness.append(events.slice(0, 300))
    await flow.caughtUp()
    await harness.append(events.slice(await disturb(harness)))
    await flow.caughtUp()
    await holds(events.length)
    await flow.stop()
    return { seen: await harness.seen(), state: await stored() }
  }

  const calm = (): Promise<Outcome> => run(async () => 300)

  test('that is flushed between two commits of its owner is rebuilt: the same results and the same bytes', async () => {
    const undisturbed = await calm()
    const catchUps: CatchUp[] = []
    assert.deepEqual(await run(async () => flush().then(() => 300), undefined, catchUps), undisturbed)
    const rebuilt = catchUps.filter(({ isRebuild }) => isRebuild)
    assert.ok(
      rebuilt.length > 2 && rebuilt[0]!.next === 0 && rebuilt.at(-1)!.next > rebuilt.at(-1)!.last,
      'and reports its progress',
    )
  })

  test('that is flushed during a commit is rebuilt', async () => {
    const undisturbed = await calm()
    let [isArmed, isFlushed] = [false, false]
    const flushing = (store: StateStore): StateStore => ({
      claim: (...args) => store.claim(...args),
      load: (...args) => store.load(...args),
      sweep: (...args) => store.sweep(...args),
      async commit(change) {
        if (isArmed && !isFlushed) {
          await flush()
          isFlushed = true
        }
        return store.commit(change)
      },
    })
    const amid = async (harness: EngineHarness): Promise<number> => {
      isArmed = true
      await harness.append(events.slice(300, 310))
      while (!isFlushed) await systemClock.sleep(2)
      return 310
    }
    assert.deepEqual(await run(amid, flushing), undisturbed)
  })

  test('that is restored from an older copy while it is in use catches up to the same bytes', async () => {
    const undisturbed = await calm()
    await flush()
    const harness = await engineHarness()
    const flow = await harness.score({ store: await open({ nodes: server.nodes }), settings: forgetful })
    await harness.append(events.slice(0, 200))
    await holds(200)
    const copy = await admin(async (redis) =>
      Promise.all((await redis.keys('*')).map(async (key) => [key, await redis.dumpBuffer(key)] as const)),
    )
    await harness.append(events.slice(200, 400))
    await holds(400)
    await admin((redis) =>
      copy.reduce((all, [key, bytes]) => all.restore(key, 0, bytes), redis.multi().flushall()).exec(),
    )
    await harness.append(events.slice(400))
    await flow.caughtUp()
    await holds(events.length)
    await flow.stop()
    assert.deepEqual({ seen: await harness.seen(), state: await stored() }, undisturbed)
  })

  test('that is flushed while no events come is rebuilt to the same bytes; until then reads fail', async () => {
    await flush()
    const harness = await engineHarness()
    const store = await open({ nodes: server.nodes })
    const flow = await harness.score({ store, settings: forgetful })
    await harness.append(events)
    await flow.caughtUp()
    await holds(events.length)
    const [before, { length: chunks }] = [await stored(), flow.chunks]
    await flush()
    const at = { stream: 'doors', partition: partitionOf(Buffer.from('acme'), harness.stream.stream.partitions) }
    await assert.rejects(store.load(at, ['x']), (error) => isEngineError(error, 'REBUILDING'))
    await holds(events.length)
    assert.deepEqual([await stored(), flow.chunks.length], [before, chunks])
    assert.deepEqual(await store.load(at, ['x']), [undefined])
    await flow.stop()
  })

  test('that was flushed while no process owned it is rebuilt from the log', async () => {
    const undisturbed = await calm()
    await flush()
    const harness = await engineHarness()
    const first = await harness.score({ store: await open({ nodes: server.nodes }), settings: forgetful })
    await harness.append(events.slice(0, 300))
    await first.caughtUp()
    await first.stop()
    await flush()
    await harness.append(events.slice(300))
    const second = await harness.score({ store: await open({ nodes: server.nodes }), settings: forgetful })
    await second.caughtUp()
    await second.stop()
    assert.deepEqual({ seen: await harness.seen(), state: await stored() }, undisturbed)
    assert.equal(
      second.chunks.reduce((sum, { records }) => sum + records, 0),
      300,
      'nothing is published twice',
    )
  })
})

test('a rebuild reports its start, its progress and its end; a restart after a few commits reports nothing', () => {
  let nowMs = 0
  const reports: string[] = []
  const rebuilds = followRebuilds({ nowMs: () => nowMs, sleep: async () => undefined }, (message) =>
    reports.push(message),
  )
  const catchUp = { stream: 'doors', partition: 1, isRebuild: true, first: 100, last: 299 }
  rebuilds.onCatchUp({ ...catchUp, next: 100 })
  nowMs = 11_000
  rebuilds.onCatchUp({ ...catchUp, next: 200 })
  assert.deepEqual(rebuilds.current(), [
    { stream: 'doors', partition: 1, isRebuild: true, recordsDone: 100, records: 200, etaMs: 11_000 },
  ])
  rebuilds.onCatchUp({ ...catchUp, next: 300 })
  rebuilds.onCatchUp({ ...catchUp, isRebuild: false, next: 100 })
  assert.deepEqual(
    reports.map((line) => /(\d+ of \d+ records.*|\d+ records done.*)$/.exec(line)?.[1]),
    ['0 of 200 records', '100 of 200 records, about 11 s left', '200 records done in 11.0 s'],
  )
})
