import { strict as assert } from 'node:assert'
import { describe, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { badShareKey } from '../../../src/features/memory/bad-share.js'
import type { StateStore } from '../../../src/state/state-store.js'
import type { EventLog } from '../../../src/log/event-log.js'
import type { SchemaSource } from '../../../src/streams/codec/schema-source.js'
import { wireHeader } from '../../../src/streams/codec/wire.js'
import { engineHarness, passes, settings, type EngineHarness } from '../engine-harness.js'

/** More than 10 bad ones of the last 50 records stop the partition. */
const badShare = { share: 0.2, records: 50 }

/** A fifth of the records is bad for a while, then all of them are. */
const breaking = [
  ...passes(60).flatMap((event, i) => (i % 10 === 9 ? [event, '{"torn'] : [event])),
  ...Array.from({ length: 40 }, (_, i) => `{"broken ${i}`),
  ...passes(30, 60),
]
/** Four bad ones among the last 50 good and bad, and then seven more. */
const lastKept = 66 + 6

/** Scores until the partition stops, and gives the error that names the offset. */
async function untilStopped(harness: EngineHarness, chunkRecords: number, commitIntervalMs = 20): Promise<EngineError> {
  const flow = await harness.score({
    settings: { ...settings, badShare, chunkRecords, commitIntervalMs, commitIntervalMaxMs: commitIntervalMs },
  })
  const error: unknown = await flow.failed.catch((thrown: unknown) => thrown)
  await flow.stop()
  assert.ok(isEngineError(error, 'BAD_SHARE'), String(error))
  return error
}

const offsetsOf = async (harness: EngineHarness): Promise<readonly number[]> => {
  const deadLetters = (await harness.deadLetters()).map(({ headers }) => Number(headers['dead-letter-offset']))
  return [...[...(await harness.seen()).keys()].map((place) => Number(place.split('/')[1])), ...deadLetters].sort(
    (a, b) => a - b,
  )
}

const blobOf = async (harness: EngineHarness, partition: number): Promise<Buffer | undefined> =>
  (await harness.store.load({ stream: 'doors', partition }, [badShareKey]))[0]
const partitionIn = async (harness: EngineHarness): Promise<number> =>
  Number([...(await harness.seen()).keys()][0]!.split('/')[0])

describe('a partition with too many bad records stops', () => {
  for (const chunkRecords of [1, 7, 50, 1_000]) {
    test(`at the same offset in chunks of ${chunkRecords}: no later record has a result`, async () => {
      const harness = await engineHarness()
      await harness.append(breaking)
      const error = await untilStopped(harness, chunkRecords)
      assert.match(error.message, new RegExp(`20 % of the last 50 .* BAD_JSON: .* after offset ${lastKept} `))
      assert.deepEqual(
        await offsetsOf(harness),
        Array.from({ length: lastKept + 1 }, (_, i) => i),
      )
    })
  }

  test('and stays stopped for the next owner, which consumes nothing more', async () => {
    const harness = await engineHarness()
    await harness.append(breaking)
    await untilStopped(harness, 50)
    const deadLetters = (await harness.deadLetters()).length
    assert.match((await untilStopped(harness, 50)).message, new RegExp(`after offset ${lastKept} `))
    assert.equal((await harness.deadLetters()).length, deadLetters)
  })

  test('also where the state was lost or never committed: the count is rebuilt from the log, to the byte', async () => {
    const harness = await engineHarness()
    await harness.append(breaking)
    await untilStopped(harness, 50)
    const partition = await partitionIn(harness)
    const undisturbed = await blobOf(harness, partition)
    await harness.loseState()
    assert.match((await untilStopped(harness, 13)).message, new RegExp(`after offset ${lastKept} `))
    assert.deepEqual(await blobOf(harness, partition), undisturbed)
    assert.deepEqual(
      await offsetsOf(harness),
      Array.from({ length: lastKept + 1 }, (_, i) => i),
    )
  })

  test('also where a restart comes in between: the count is committed with the state', async () => {
    const harness = await engineHarness()
    await harness.append(breaking.slice(0, lastKept - 2))
    const before = await harness.score({ settings: { ...settings, badShare } })
    await before.caughtUp()
    await before.stop()
    assert.notEqual(await blobOf(harness, await partitionIn(harness)), undefined)
    await harness.append(breaking.slice(lastKept - 2))
    assert.match((await untilStopped(harness, 50)).message, new RegExp(`after offset ${lastKept} `))
  })

  test('until an operator accepts the stop; then the count starts at zero', async () => {
    const harness = await engineHarness()
    await harness.append(breaking)
    await untilStopped(harness, 50)
    const again = await harness.score({
      settings: { ...settings, badShare },
      acceptedBadShares: () => [{ from: lastKept, to: lastKept }],
    })
    assert.ok(isEngineError(await again.failed.catch((error: unknown) => error), 'BAD_SHARE'))
    await again.stop()
    assert.equal(Math.max(...(await offsetsOf(harness))), lastKept + 11, 'eleven more of 50')
    const through = await harness.score({
      settings: { ...settings, badShare },
      acceptedBadShares: () => [
        { from: lastKept, to: lastKept },
        { from: lastKept + 1, to: breaking.length },
      ],
    })
    await through.caughtUp()
    assert.deepEqual(
      await offsetsOf(harness),
      breaking.map((_, i) => i),
    )
  })

  test('but not for a few bad records, and never where the rule allows all of them', async () => {
    const harness = await engineHarness()
    await harness.append(passes(300).flatMap((event, i) => (i % 100 === 7 ? [event, '{"torn'] : [event])))
    const flow = await harness.score({ settings: { ...settings, badShare } })
    await flow.caughtUp()
    assert.equal((await harness.deadLetters()).length, 3)
    await harness.append(Array.from({ length: 200 }, () => 'nothing but noise'))
    await flow.stop()
    const all = await harness.score({ settings: { ...settings, badShare: { share: 1, records: 50 } } })
    await all.caughtUp()
    assert.equal((await harness.deadLetters()).length, 203)
  })

  test('but not for redriven events, which are not what producers write now', async () => {
    const harness = await engineHarness()
    await harness.append(passes(1))
    const flow = await harness.score({ settings: { ...settings, badShare } })
    await flow.caughtUp()
    const partition = await partitionIn(harness)
    const headers = { 'redrive-origin': Buffer.from('0'), 'redrive-attempt': Buffer.from('2') }
    await harness.log.append(
      { topic: harness.stream.topics.events, partition },
      Array.from({ length: 60 }, () => ({ key: Buffer.from('acme'), value: Buffer.from('{'), headers })),
    )
    await flow.caughtUp()
    const deadLetters = await harness.deadLetters()
    assert.equal(deadLetters.length, 60)
    assert.deepEqual(
      [String(deadLetters[0]!.headers['dead-letter-origin']), String(deadLetters[0]!.headers['dead-letter-attempts'])],
      ['0', '2'],
    )
  })
})

describe('a dead letter', () => {
  test('names its place, its code, the stage, the build and how often it was redriven', async () => {
    const harness = await engineHarness()
    const [event] = passes(1)
    await harness.append([event!, '{"torn', { ...passes(2)[1], event_id: 'early', at: 5 }])
    const flow = await harness.score({ build: '1.2.3' })
    await flow.caughtUp()
    const headersOf = (await harness.deadLetters()).map(({ headers }) =>
      Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.replace('dead-letter-', ''), value.toString()]),
      ),
    )
    const partition = String(await partitionIn(harness))
    assert.deepEqual(
      headersOf.map(({ topic, partition: at, offset, code, stage, version, attempts, origin }) => [
        topic,
        at,
        offset,
        code,
        stage,
        version,
        attempts,
        origin,
      ]),
      [
        [
          harness.stream.topics.events,
          partition,
          '1',
          'BAD_JSON',
          'decode',
          `1.2.3 ${harness.stream.plan.fingerprint}`,
          '0',
          '1',
        ],
        [
          harness.stream.topics.events,
          partition,
          '2',
          'TIME_OUT_OF_RANGE',
          'check',
          `1.2.3 ${harness.stream.plan.fingerprint}`,
          '0',
          '2',
        ],
      ],
    )
  })

  test('never results from an unreachable dependency: the record waits and is scored', async () => {
    const harness = await engineHarness()
    const schema = { kind: 'avro', record: harness.stream.stream.schema } as const
    let answers = 0
    const schemas: SchemaSource = {
      resolve: (ids) =>
        ++answers < 4
          ? Promise.reject(new EngineError('REGISTRY_DOWN', 'unreachable'))
          : Promise.resolve(new Map([...ids].map((id) => [id, schema]))),
    }
    let [loads, commits] = [0, 0]
    const store: StateStore = {
      claim: (...args) => harness.store.claim(...args),
      load: (...args) =>
        ++loads < 4 ? Promise.reject(new EngineError('STORE_DOWN', 'unreachable')) : harness.store.load(...args),
      commit: (...args) =>
        ++commits < 3 ? Promise.reject(new EngineError('DISK_FULL', 'full')) : harness.store.commit(...args),
      sweep: (...args) => harness.store.sweep(...args),
    }
    const { log } = harness
    let appends = 0
    const flaky: EventLog = {
      ensure: (topic) => log.ensure(topic),
      bounds: (...args) => log.bounds(...args),
      reader: (at) => log.reader(at),
      append: (...args) =>
        ++appends % 2 === 1 ? Promise.reject(new EngineError('LOG_DOWN', 'unreachable')) : log.append(...args),
    }
    await harness.append(
      passes(20).map((event) => Buffer.concat([wireHeader(7), harness.stream.codec.encodeWire(7, event).subarray(5)])),
    )
    const flow = await harness.score({ schemas, store, log: flaky, settings: { ...settings, badShare } })
    await flow.caughtUp()
    while (commits < 3) await systemClock.sleep(5)
    await flow.stop()
    assert.equal((await harness.seen()).size, 20)
    assert.deepEqual(await harness.deadLetters(), [])
    assert.ok(answers >= 4 && loads >= 4 && appends >= 4, 'each was unreachable for a while')
  })
})
