import { strict as assert } from 'node:assert'
import { onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import type { StoppedPartition } from '../../../src/contracts/partitions.js'
import type { Stops } from '../../../src/consumers/control/stops.js'
import { ensureTopics } from '../../../src/consumers/ground/topics.js'
import { partitionOf } from '../../../src/base/keys.js'
import type { Block } from '../../../src/log/blocks/block.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import { open, redisServer } from '../../state/redis/redis-servers.js'
import { kafkaForTests } from '../../log/kafka/broker.js'
import { engineHarness, passes, type EngineHarness } from '../engine-harness.js'

// The stops of scoring on Kafka and Redis. The tests change topics as an administrator of the broker can.

const broker = kafkaForTests()
const server = redisServer('server')
const partition = partitionOf(Buffer.from('acme'), 4)

const harness = (): Promise<EngineHarness> => engineHarness(() => broker.open(), broker.topic())

const stateIn = () => open({ nodes: server.nodes })

async function scoreAll(of: EngineHarness): Promise<void> {
  const flow = await of.score({ store: await stateIn() })
  await flow.caughtUp()
  await flow.stop()
}

async function theStop(stops: Stops, topic: string): Promise<StoppedPartition> {
  for (;;) {
    const found = stops.stopped().find((stop) => stop.topic === topic)
    if (found !== undefined) return found
    await systemClock.sleep(5)
  }
}

/** The broker has one control topic for all tests: only accepts of the harness's own topics count here. */
const routingWith = (stops: Stops, topic: string) => () => ({
  ...emptyRouting,
  position:
    stops
      .accepted()
      .filter((accepted) => accepted.topic === topic)
      .at(-1)?.position ?? 0,
})

const offsetsIn = async (of: EngineHarness, stops: Stops): Promise<number[]> =>
  [...(await of.seen(stops)).keys()].map((place) => Number(place.split('/')[1]))
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test(
  'records that were deleted before they had a result stop their partition with GAP; once accepted, it continues',
  { timeout: 60_000 },
  async () => {
    const of = await harness()
    const { events } = of.stream.topics
    await of.append(passes(60))
    await scoreAll(of)
    await of.append(passes(50, 60))
    await broker.admin(async (client) => {
      // The client must know the topic first.
      await client.fetchTopicOffsets(events)
      await client.deleteTopicRecords({ topic: events, partitions: [{ partition, offset: '90' }] })
    })
    const stops = await of.stops()
    const flow = await of.score({ stops, store: await stateIn() })
    const stop = await theStop(stops, events)
    assert.deepEqual(
      [stop.reader, stop.partition, stop.code, stop.lost],
      ['scoring', partition, 'GAP', { topic: events, from: 60, to: 89 }],
    )
    assert.deepEqual(await offsetsIn(of, stops), range(0, 59))
    await stops.accept({ topic: events, partition }, 'key-1', 'somebody cleaned up')
    await flow.caughtUp()
    assert.deepEqual(await offsetsIn(of, stops), [...range(0, 59), ...range(90, 109)])
  },
)

test(
  'an event topic that was deleted and recreated stops its partition with LOG_RESET; once accepted, it begins ' +
    'again without a history',
  { timeout: 60_000 },
  async () => {
    const of = await harness()
    const { events, predictions } = of.stream.topics
    await of.append(passes(60))
    await scoreAll(of)
    await broker.admin((client) => client.deleteTopics({ topics: [events] }))
    await made(() => ensureTopics(of.log, [of.stream], undefined))
    const again = await broker.open()
    onTestFinished(() => again.close())
    of.log = again
    await made(() => of.append(passes(20, 500)))
    const stops = await of.stops()
    const flow = await of.score({ stops, store: await stateIn(), routing: routingWith(stops, events) })
    const stop = await theStop(stops, events)
    assert.deepEqual([stop.code, stop.lost], ['LOG_RESET', { topic: events, from: 0, to: 59 }])
    await stops.accept({ topic: events, partition }, 'key-1', 'another cluster')
    const lastBlock = async (): Promise<Block> => decodeBlock((await of.records(predictions, partition)).at(-1)!.value!)
    while ((await lastBlock()).last < 19 || (await lastBlock()).last === 59)
      await Promise.race([systemClock.sleep(20), flow.failed])
    const last = await lastBlock()
    const fresh = await harness()
    await fresh.append(passes(20, 500))
    await scoreAll(fresh)
    const fromNothing = decodeBlock((await fresh.records(fresh.stream.topics.predictions, partition)).at(-1)!.value!)
    assert.deepEqual([...last.vectors].slice(-last.width), [...fromNothing.vectors].slice(-last.width))
  },
)

/** Repeats an attempt: a broker answers before it has deleted a topic. */
async function made<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (tries === 50) throw error
      await systemClock.sleep(100)
    }
  }
}
