import { strict as assert } from 'node:assert'
import { Registry } from 'prom-client'
import { describe, test, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { appendDeadLetters } from '../../../src/consumers/ground/dead-letter.js'
import { observe } from '../../../src/consumers/watch/observation.js'
import { deadLettersOf } from '../dead-letters/dead-letters-harness.js'
import type { PartitionReader } from '../../../src/log/event-log.js'
import { noEntity } from '../../../src/state/state-store.js'
import { engineHarness, passes, settings, type EngineHarness, type Given, type HarnessLog } from '../engine-harness.js'

/** Half of these records stop a partition. */
const badShare = { share: 0.2, records: 50 }

/** A change feed: each event, and later the record that deletes its key. */
const changeFeed = (count: number): Given[] => passes(count).flatMap((event): Given[] => [event, null])

/** Scores everything, and returns the metrics. */
async function scored(harness: EngineHarness, chunkRecords = 50): Promise<string> {
  const metrics = new Registry()
  const { onChunk } = observe([harness.stream], metrics, systemClock, () => 'heuristic_v1')
  const flow = await harness.score({ onChunk, settings: { ...settings, badShare, chunkRecords } })
  await flow.caughtUp()
  await flow.stop()
  return metrics.metrics()
}

/** The log after compaction: the readers of groups find no tombstones any more. */
function withoutTombstones(log: HarnessLog): HarnessLog {
  const compacted = (reader: PartitionReader): PartitionReader => ({
    close: () => reader.close(),
    async read(from, bound, signal) {
      for (let next = from; ;) {
        const read = await reader.read(next, bound, signal)
        const kept = read.filter(({ value }) => value !== null)
        if (kept.length > 0 || read.length === 0) return kept
        next = read.at(-1)!.offset + 1
      }
    },
  })
  return {
    ensure: (spec) => log.ensure(spec),
    append: (at, records) => log.append(at, records),
    bounds: (at, sinceMs) => log.bounds(at, sinceMs),
    reader: (at) => log.reader(at),
    lag: (group) => log.lag(group),
    close: () => log.close(),
    join: (group, topics, work) =>
      log.join(group, topics, (assignment) => work({ ...assignment, reader: compacted(assignment.reader) })),
  }
}

const ids = async (harness: EngineHarness): Promise<string[]> =>
  [...(await harness.seen()).values()].map(({ id }) => id)

describe('a tombstone', () => {
  for (const chunkRecords of [1, 7, 1_000])
    test(`is skipped and counted, in chunks of ${chunkRecords}, and the events are scored as without it`, async () => {
      const [harness, without] = [await engineHarness(), await engineHarness()]
      await harness.append([null, null, ...changeFeed(100), null])
      await without.append(passes(100))
      const metrics = await scored(harness, chunkRecords)
      await scored(without)
      const vectors = async (one: EngineHarness) => [...(await one.seen()).values()].map(({ vector }) => vector)
      assert.deepEqual(await ids(harness), await ids(without))
      assert.deepEqual(await vectors(harness), await vectors(without))
      assert.deepEqual(await harness.deadLetters(), [])
      assert.match(metrics, /^tidemill_tombstones_total\{stream="doors"\} 103$/m)
      assert.match(metrics, /^tidemill_events_total\{stream="doors"\} 203$/m)
      assert.match(metrics, /^tidemill_bad_share\{stream="doors",partition="\d"\} 0$/m)
    })

  test('is neither good nor bad: bad records among tombstones stop a partition like others', async () => {
    const harness = await engineHarness()
    const feed = passes(60).flatMap((event, i): Given[] => [event, null, ...(i % 3 === 2 ? ['{"torn'] : [])])
    await harness.append(feed)
    const flow = await harness.score({ settings: { ...settings, badShare } })
    await assert.rejects(flow.failed, /more than 20 % of the last 50 records/)
    await flow.stop()
  })

  test('at the end of a partition is covered for the next owner, and is no lag', async () => {
    const harness = await engineHarness()
    const places = await harness.append([...passes(3), null, null])
    await scored(harness)
    const covered = (await harness.blocks()).at(-1)!.block
    assert.deepEqual([covered.last, covered.rows], [places.at(-1)!.offset, 3])
    const lag = await harness.log.lag('tidemill-scoring')
    assert.ok(lag.length > 0 && lag.every(({ committed, next }) => committed === next), JSON.stringify(lag))
    assert.deepEqual(await scored(harness).then(() => ids(harness)), ['acme-0', 'acme-1', 'acme-2'])
  })

  test('that compaction removed from the end keeps no rebuilt state incomplete', async () => {
    const harness = await engineHarness()
    const [place] = await harness.append([...passes(5), null, null])
    await scored(harness)
    await harness.loseState()
    harness.log = withoutTombstones(harness.log)
    const flow = await harness.score()
    const at = { stream: 'doors', partition: place!.partition }
    const isComplete = (): Promise<boolean> =>
      harness.store.load(at, [noEntity]).then(
        () => true,
        () => false,
      )
    await vi.waitUntil(isComplete)
    await flow.stop()
  })

  test('that an older version stored as a dead letter is not sent again', async () => {
    const harness = await engineHarness()
    const [place] = await harness.append([null])
    await scored(harness)
    const record = (await harness.records(harness.stream.topics.events, place!.partition))[0]!
    const from = { topic: harness.stream.topics.events, partition: place!.partition }
    const rejected = { record, code: 'BAD_FIELD', reason: 'the record has no value', stage: 'decode' } as const
    await appendDeadLetters(harness.log, { ...from, topic: harness.stream.topics.deadLetters }, from, [rejected], '0')
    const { items } = await deadLettersOf(harness).redrive({
      filter: { stream: 'doors' },
      limit: 10,
      dryRun: false,
      evenBad: false,
      by: 'ann',
    })
    assert.deepEqual(items, [{ ...items[0], becomes: 'bad', code: 'BAD_FIELD' }])
    assert.equal((await harness.records(harness.stream.topics.events, place!.partition)).length, 1)
  })
})
