import { strict as assert } from 'node:assert'
import { describe, expect, test } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { systemClock } from '../../../src/base/clock.js'
import type { KafkaLog } from '../../../src/log/kafka/log.js'
import { failsWith } from '../records.js'
import { kafkaForTests } from './broker.js'
import { codes, faultyBroker, type Fate, type Passing } from './faulty-broker.js'

const broker = kafkaForTests()

interface Through {
  readonly log: KafkaLog
  /** Why the client waited. */
  readonly waits: string[]
}

/** A log through a broker that answers some requests with errors. */
async function through(fateOf: (passing: Passing) => Fate, clock: Clock = systemClock): Promise<Through> {
  const waits: string[] = []
  const address = await faultyBroker(broker.address, fateOf)
  const log = await broker.open({
    brokers: [address],
    clock,
    report: (level, _, { reason }) => void (level === 'warn' && waits.push(String(reason))),
  })
  return { log, waits }
}

/** So many requests of one kind have a fate. */
const first =
  (count: number, api: Passing['api'], fate: Fate) =>
  (passing: Passing): Fate =>
    passing.api === api && passing.count <= count ? fate : 'pass'

const specs = () =>
  Array.from({ length: 3 }, (_, i) => ({ topic: broker.topic(), partitions: 2, retentionMs: 1_000_000 + i }))

describe('topics are created once, though', () => {
  test.each<[string, (passing: Passing) => Fate, RegExp | undefined]>([
    ['the broker answers that its time ran out', first(3, 'CreateTopics', { lie: codes.requestTimedOut }), /timed out/],
    ['another broker is the controller', first(3, 'CreateTopics', { deny: codes.notController }), /controller/],
    ['the connection breaks after the request', first(2, 'CreateTopics', 'cut'), /./],
    ['brokers do not know the topics yet', late(codes.unknownTopic), undefined],
    ['the topics have no leader yet', late(codes.leaderNotAvailable), /LEADER_NOT_AVAILABLE/],
    ['their settings cannot be read yet', first(4, 'DescribeConfigs', { lie: codes.unknownTopic }), /./],
  ])('%s', async (_, fate, reason) => {
    const { log, waits } = await through(fate)
    const wanted = specs()
    const plan = await log.applyTopics(wanted)
    assert.deepEqual(
      plan.map(({ change, topic }) => [change, topic]),
      wanted.map(({ topic }) => ['create', topic]),
    )
    if (reason !== undefined)
      assert.ok(
        waits.some((one) => reason.test(one)),
        waits.join('; '),
      )
    const direct = await broker.open()
    assert.deepEqual(await direct.planTopics(wanted), [])
    await expect(direct.bounds({ topic: wanted[0]!.topic, partition: 1 })).resolves.toEqual({ first: 0, next: 0 })
  })

  test('two processes create them at the same time', async () => {
    const wanted = specs()
    const logs = await Promise.all(Array.from({ length: 4 }, () => broker.open()))
    await Promise.all(logs.map((log, i) => (i % 2 === 0 ? log.applyTopics(wanted) : ensureAll(log, wanted))))
    assert.deepEqual(await logs[0]!.planTopics(wanted), [])
  })

  test('a first start creates them while the broker is busy', async () => {
    const { log } = await through(first(4, 'CreateTopics', { lie: codes.requestTimedOut }))
    const wanted = specs()
    await ensureAll(log, wanted)
    assert.deepEqual(await log.planTopics(wanted), [])
  })

  test('a setting is answered with a timeout', async () => {
    const wanted = specs()
    await (await broker.open()).applyTopics(wanted)
    const { log } = await through(first(4, 'AlterConfigs', { lie: codes.requestTimedOut }))
    const longer = wanted.map((one) => ({ ...one, retentionMs: 2_000_000 }))
    assert.equal((await log.applyTopics(longer)).length, 3)
    assert.deepEqual(await log.planTopics(longer), [])
  })
})

describe('the wait ends', () => {
  test('at once where it does not help', async () => {
    const { log } = await through(first(100, 'CreateTopics', { deny: codes.invalidReplicationFactor }))
    const error: unknown = await log.applyTopics(specs()).catch((thrown: unknown) => thrown)
    expect(error).toEqual(failsWith('LOG_DOWN'))
    assert.match((error as Error).message, /replication/i)
  })

  test('after two minutes, with what it waited for and what to do', async () => {
    // This clock passes ten seconds with every pause.
    let passedMs = 0
    const clock: Clock = {
      nowMs: () => systemClock.nowMs() + passedMs,
      sleep: async (ms, signal) => {
        passedMs += 10_000
        await systemClock.sleep(Math.min(ms, 20), signal)
      },
    }
    const { log } = await through(first(1_000, 'CreateTopics', { deny: codes.requestTimedOut }), clock)
    const error: unknown = await log.applyTopics(specs()).catch((thrown: unknown) => thrown)
    expect(error).toEqual(failsWith('LOG_DOWN'))
    assert.match(
      (error as Error).message,
      /cannot apply the topics within 120 s: .*REQUEST_TIMED_OUT.* repeat it later/,
    )
  })
})

/** Topics are unknown, or without a leader, for some requests after they were created. */
function late(code: number): (passing: Passing) => Fate {
  let left = 0
  return ({ api }) => {
    if (api === 'CreateTopics') left = 6
    return api === 'Metadata' && left-- > 0 ? { lie: code } : 'pass'
  }
}

async function ensureAll(log: KafkaLog, wanted: ReturnType<typeof specs>): Promise<void> {
  for (const spec of wanted) await log.ensure(spec)
}
