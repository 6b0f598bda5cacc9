import { strict as assert } from 'node:assert'
import { crc32 } from 'node:zlib'
import { Registry } from 'prom-client'
import { describe, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { partitionOf } from '../../../src/base/keys.js'
import { limits } from '../../../src/base/limits.js'
import { openPredictionLog } from '../../../src/consumers/serving/prediction-log.js'
import { scoringPort } from '../../../src/consumers/serving/serve.js'
import { observe } from '../../../src/consumers/watch/observation.js'
import { decodePlacement, placementKey } from '../../../src/consumers/ground/misplaced.js'
import { placementProblems } from '../../../src/consumers/watch/placements.js'
import { apiPredictionsTopic } from '../../../src/consumers/ground/topic-names.js'
import type { Predicted, ScoringPort } from '../../../src/contracts/scoring.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import { engineHarness, monday, passes, type EngineHarness } from '../engine-harness.js'

const caller = { tenant: '*', key: 'k1' }
const hourMs = 3_600_000
const partitions = 4
const murmur2 = (key: string): number => partitionOf(Buffer.from(key), partitions)
const crc = (key: string): number => crc32(Buffer.from(key)) % partitions

/** A tenant whose events librdkafka's default partitioner puts elsewhere, and one that it puts where murmur2 does. */
const names = Array.from({ length: 50 }, (_, i) => `t${i}`)
const stray = names.find((name) => crc(name) !== murmur2(name))!
const plain = names.find((name) => crc(name) === murmur2(name))!

interface Served {
  readonly harness: EngineHarness
  readonly port: ScoringPort
  readonly metrics: Registry
  /** Appends as a producer that chooses partitions by a function, and waits until the state holds the events. */
  produce(events: readonly Readonly<Record<string, unknown>>[], choose: (key: string) => number): Promise<void>
}

async function served(): Promise<Served> {
  const harness = await engineHarness()
  await harness.log.ensure({ topic: apiPredictionsTopic.topic, partitions: 1 })
  const metrics = new Registry()
  const observation = observe([harness.stream], metrics, systemClock, () => 'heuristic_v1')
  const predictions = openPredictionLog({
    log: harness.log,
    clock: systemClock,
    onRetry: () => undefined,
    onLost: (error) => assert.fail(String(error)),
  })
  onTestFinished(() => predictions.close())
  const port = scoringPort({
    log: harness.log,
    predictions,
    store: harness.store,
    streams: [harness.stream],
    tenants: 'any',
    clock: systemClock,
    routing: () => emptyRouting,
    modelProblem: () => undefined,
  })
  return {
    harness,
    port,
    metrics,
    async produce(events, choose) {
      for (const event of events) {
        const key = String(event['tenant_id'])
        await harness.log.append({ topic: harness.stream.topics.events, partition: choose(key) }, [
          { key: Buffer.from(key), value: Buffer.from(JSON.stringify(event)) },
        ])
      }
      const flow = await harness.score({ onChunk: observation.onChunk })
      await flow.caughtUp()
      await flow.stop()
      // The port may remember for so long where histories are.
      await systemClock.sleep(limits.straysKnownMs)
    },
  }
}

const badgeOf = (tenant: string): string => passes(1, 0, tenant)[0]!['badge'] as string
const vectorOf = async ({ port }: Served, tenant: string): Promise<Predicted> =>
  (await port.predict('doors', [passes(41, 0, tenant)[40]!], caller))[0] as Predicted

describe('the history of a tenant whose producer hashes keys with CRC32', () => {
  test('is read from the partition that has it, and the events are counted', async () => {
    const { stream } = (await engineHarness()).stream
    assert.equal(stream.partitions, partitions)
    const [wrong, right] = [await served(), await served()]
    const events = [...passes(40, 0, stray), ...passes(40, 0, plain)]
    await wrong.produce(events, crc)
    await right.produce(events, murmur2)
    for (const tenant of [stray, plain]) {
      const [here, there] = [await vectorOf(wrong, tenant), await vectorOf(right, tenant)]
      assert.deepEqual(here, there, 'the same score as with murmur2, and no mark')
      const features = (one: Served) => one.port.features('doors', 'badge', tenant, [badgeOf(tenant)], monday + hourMs)
      assert.ok(((await features(wrong))?.values['passes_1h'] ?? 0) > 0)
      assert.deepEqual(await features(wrong), await features(right))
    }
    assert.match(
      await wrong.metrics.metrics(),
      /tidemill_misplaced_events_total\{stream="doors",cause="crc32",producer="unknown"\} 40\n/,
    )
    assert.match(
      (await placementProblems(wrong.harness.store, [wrong.harness.stream], Date.now()))[0]!,
      /murmur2_random/,
    )
    assert.deepEqual(await placementProblems(right.harness.store, [right.harness.stream], Date.now()), [])
  })

  test('is marked as split when another producer or the API writes where murmur2 says', async () => {
    const one = await served()
    await one.produce(passes(20, 0, stray), crc)
    assert.equal((await vectorOf(one, stray)).split, undefined)
    await one.port.ingest('doors', passes(40, 20, stray), caller)
    await one.produce([], crc)
    assert.equal((await vectorOf(one, stray)).split, true)
    const found = await one.port.features('doors', 'badge', stray, [badgeOf(stray)], monday + hourMs)
    assert.deepEqual([...found!.split!].sort(), [crc(stray), murmur2(stray)].sort())
    assert.equal((await vectorOf(one, plain)).split, undefined, 'a tenant without events has no split history')
  })

  test('is counted again when the state is rebuilt, and then asks for no attention', async () => {
    const one = await served()
    await one.produce(passes(10, 0, stray), crc)
    await one.harness.loseState()
    const flow = await one.harness.score()
    const at = { stream: 'doors', partition: crc(stray) }
    const blob = (): Promise<Buffer | undefined> =>
      one.harness.store.load(at, [placementKey]).then(
        ([found]) => found,
        () => undefined,
      )
    await vi.waitUntil(async () => (await blob()) !== undefined)
    assert.equal(decodePlacement(await blob())!.events, 10)
    assert.deepEqual(await placementProblems(one.harness.store, [one.harness.stream], Date.now()), [])
    await flow.stop()
  })
})

describe('the history of a tenant', () => {
  test.each([
    ['no key', null],
    ['another key', Buffer.from('"quoted"')],
  ])('is found for records with %s, and says so', async (cause, key) => {
    const one = await served()
    const partition = (murmur2(stray) + 1) % partitions
    const at = { topic: one.harness.stream.topics.events, partition }
    await one.harness.log.append(
      at,
      passes(10, 0, stray).map((event) => ({ key, value: Buffer.from(JSON.stringify(event)) })),
    )
    await one.produce([], crc)
    assert.ok((await one.port.features('doors', 'badge', stray, [badgeOf(stray)], monday + hourMs)) !== undefined)
    const [text] = await placementProblems(one.harness.store, [one.harness.stream], Date.now())
    assert.match(text!, cause === 'no key' ? /have no key/ : /key is not the event's 'tenant_id'/)
  })
})
