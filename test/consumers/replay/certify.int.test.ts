import { strict as assert } from 'node:assert'
import { readdir } from 'node:fs/promises'
import { test } from 'vitest'
import type { BacktestParts } from '../../../src/consumers/replay/backtest/backtest.js'
import type { Certificate } from '../../../src/consumers/replay/certify/certificate.js'
import { certify } from '../../../src/consumers/replay/certify/certify.js'
import { servingOf } from '../../../src/consumers/control/serving.js'
import { openDigest } from '../../../src/consumers/replay/certify/result-digest.js'
import { isEngineError } from '../../../src/base/errors.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import { readModel } from '../../../src/scorers/model-store.js'
import { emptyRouting, withChampion, type Routing } from '../../../src/scorers/routing.js'
import { doors } from '../../fixtures/doors.js'
import { engineHarness, passes } from '../engine-harness.js'
import { placeDoorsModel } from '../models/placed-model.js'
import { replayHarness } from './replay-harness.js'
import { deadLetterRecord } from '../../../src/consumers/ground/dead-letter-record.js'
import { controlTopic } from '../../../src/consumers/ground/topic-names.js'

const request = { stream: doors, id: 'certify-1', build: 'test', cpu: 'test' }
const certificateOf = async (parts: BacktestParts): Promise<Certificate> => (await certify(request, parts))!

/** What happens in a life: duplicates, late events, bad records, and several owners. */
async function eventfulLife() {
  const harness = await engineHarness()
  let flow = await harness.score()
  await harness.append([...passes(150), 'no event', passes(1, 20)[0]!, '{"event_id":"x"}'])
  await flow.caughtUp()
  await flow.stop()
  flow = await harness.score()
  await harness.append([
    ...passes(150, 3_000),
    { ...passes(1, 5)[0]!, event_id: 'very-late' },
    ...passes(80, 0, 'globex'),
  ])
  await flow.caughtUp()
  return { harness, flow, ...(await replayHarness(harness)) }
}

test('a replay is certified with its predictions, duplicates, late events and dead letters', async () => {
  const { parts, directory } = await eventfulLife()
  const certificate = await certificateOf(parts)
  assert.equal(certificate.firstDifference, null)
  assert.equal(certificate.equal, true)
  assert.equal(certificate.served.digest, certificate.replayed.digest)
  const { predictions, duplicates, late, deadLetters } = certificate.served
  assert.deepEqual(
    { predictions, duplicates, late, deadLetters },
    { predictions: 381, duplicates: 1, late: 1, deadLetters: 2 },
  )
  assert.deepEqual(await readdir(directory.path), [])
})

test('an event with a different result is reported, with the field and both values', async () => {
  const { harness, flow, parts } = await eventfulLife()
  await flow.stop()
  const tampered = await harness.score({ routing: () => emptyRouting, tenants: new Set(['acme']) })
  await harness.append([...passes(5, 5_000), ...passes(1, 900, 'globex')])
  await tampered.caughtUp()
  const { equal, firstDifference, served, replayed } = await certificateOf(parts)
  assert.equal(equal, false)
  assert.notEqual(served.digest, replayed.digest)
  assert.deepEqual(
    [firstDifference!.field, firstDifference!.served, firstDifference!.replayed],
    ['result', null, 'a prediction'],
  )
})

test.each([
  ['UNKNOWN_TENANT', true],
  ['BAD_FIELD', false],
])('a dead letter %s of an offset that was scored later: equal is %s', async (code, equal) => {
  const { harness, parts } = await eventfulLife()
  const [record] = await harness.records(doors.name, 0)
  const topic = harness.stream.topics.deadLetters
  const refused = { record: record!, code, reason: 'the owner failed', stage: 'check' } as const
  await harness.log.append({ topic, partition: 0 }, [
    deadLetterRecord({ topic: doors.name, partition: 0 }, refused, ''),
  ])
  assert.equal((await certificateOf(parts)).equal, equal)
})

test('a wrong state is reported at the first offset whose vector it changed', async () => {
  const harness = await engineHarness()
  const flow = await harness.score()
  await harness.append(passes(60))
  await flow.caughtUp()
  await flow.stop()
  const forgetful = await harness.score({
    store: {
      ...harness.store,
      claim: (...args) => harness.store.claim(...args),
      load: async (_at, keys) => keys.map(() => undefined),
      commit: (change) => harness.store.commit(change),
      sweep: () => Promise.resolve(0),
    },
  })
  await harness.append(passes(10, 60))
  await forgetful.caughtUp()
  const { parts } = await replayHarness(harness)
  const { firstDifference } = await certificateOf(parts)
  assert.deepEqual([firstDifference!.offset, firstDifference!.field], [60, 'vector'])
})

test('each offset is replayed with the model that served it, although another one serves now', async () => {
  const harness = await engineHarness()
  const { parts, models } = await replayHarness(harness)
  const runtime = createOnnxRuntime()
  const names = [
    await placeDoorsModel(models, harness.stream, 'v1', 2),
    await placeDoorsModel(models, harness.stream, 'v2', 3),
  ]
  let routing: Routing = emptyRouting
  const decide = async (index: number): Promise<void> => {
    const name = names[index]!
    const offset = await harness.log.append(controlTopic, [
      {
        key: null,
        value: Buffer.from(JSON.stringify({ kind: 'activate', ...name, by: 'test', why: 'test', atMs: 1 })),
      },
    ])
    const serving = await servingOf(
      { readModel: (one) => readModel(models, one), runtime, streams: [harness.stream] },
      name,
    )
    routing = { ...withChampion(routing, name.family, name.scope, serving), position: offset + 1 }
  }
  const flow = await harness.score({ routing: () => routing })
  for (const [step, index] of [undefined, 0, 1, 0].entries()) {
    if (index !== undefined) await decide(index)
    await harness.append(passes(70, 1_000 * step))
    await flow.caughtUp()
  }
  const { equal, served } = await certificateOf(parts)
  await runtime.close()
  assert.equal(equal, true)
  assert.deepEqual(served.versions, { heuristic_v1: 70, v1: 140, v2: 70 })
})

test('values that would be equal when joined have different digests', () => {
  const of = (...texts: readonly string[]): string => {
    const digest = openDigest()
    for (const text of texts) digest.text(text)
    return digest.end()
  }
  assert.notEqual(of('ab', 'c'), of('a', 'bc'))
  assert.notEqual(of('ab'), of('ab', ''))
  const long = 'x'.repeat(200_000)
  assert.equal(of(long, 'y'), of(long, 'y'))
  assert.notEqual(of(long, 'y'), of(`${long}y`))
})

test('without predictions there is nothing to certify', async () => {
  const harness = await engineHarness()
  await harness.append(passes(3))
  const { parts } = await replayHarness(harness)
  await assert.rejects(certify(request, parts), (error) => isEngineError(error, 'BAD_REQUEST'))
})
