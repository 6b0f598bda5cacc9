import { strict as assert } from 'node:assert'
import { test, vi } from 'vitest'
import { isRejected, type Predicted, type ScoringPort } from '../../../src/contracts/scoring.js'
import { systemClock } from '../../../src/base/clock.js'
import { openPredictionLog, type PredictionLog } from '../../../src/consumers/serving/prediction-log.js'
import { scoringPort } from '../../../src/consumers/serving/serve.js'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { emptyRouting } from '../../../src/scorers/routing.js'
import { engineHarness, monday, passes, type EngineHarness } from '../engine-harness.js'
import { apiPredictionsTopic } from '../../../src/consumers/ground/topic-names.js'

const caller = { tenant: 'acme', key: 'k1' }
type Fields = Record<string, unknown>

/** The port on a harness; while `held.away` the log takes no asked predictions. */
async function served(): Promise<{
  harness: EngineHarness
  port: ScoringPort
  predictions: PredictionLog
  held: { away: boolean }
}> {
  const harness = await engineHarness()
  await harness.log.ensure({ topic: apiPredictionsTopic.topic, partitions: 1 })
  await harness.log.ensure({ topic: 'outcomes', partitions: 1 })
  const held = { away: false }
  const append: EventLog['append'] = (at, records) =>
    held.away ? Promise.reject(new EngineError('DISK_FULL', 'no space left')) : harness.log.append(at, records)
  const predictions = openPredictionLog({
    log: { append },
    clock: systemClock,
    onRetry: () => undefined,
    onLost: (error) => assert.fail(String(error)),
  })
  const port = scoringPort({
    log: harness.log,
    predictions,
    store: harness.store,
    streams: [harness.stream],
    tenants: new Set(['acme', 'beta']),
    clock: systemClock,
    routing: () => emptyRouting,
    modelProblem: () => undefined,
  })
  return { harness, port, predictions, held }
}

/** What a scoring process does when it gets the partitions; their events have results up to `covered`. */
const claimAll = ({ store, stream }: EngineHarness, covered = -1): Promise<unknown> =>
  Promise.all(
    Array.from({ length: stream.stream.partitions }, (_, partition) =>
      store.claim({ stream: 'doors', partition }, stream.stateIdentity, 0, covered),
    ),
  )

test('a prediction on request equals the prediction of the same event when it comes next', async () => {
  const { harness, port } = await served()
  const flow = await harness.score()
  await port.ingest('doors', passes(50), caller)
  await flow.caughtUp()
  await flow.stop()
  const next = passes(51)[50]!
  const [asked] = (await port.predict('doors', [next], caller, true)) as readonly Predicted[]
  const again = await harness.score()
  await port.ingest('doors', [next], caller)
  await again.caughtUp()
  const logged = [...(await harness.seen()).values()].find(({ id }) => id === next['event_id'])!
  assert.equal(asked!.score, logged.score)
  const [record] = await harness.records(apiPredictionsTopic.topic, 0)
  assert.deepEqual([...decodeBlock(record!.value!).vectors], logged.vector)
  assert.equal(record!.key?.toString(), 'doors')
})

test('a request changes nothing: two events of one request do not see each other', async () => {
  const { harness, port } = await served()
  await claimAll(harness)
  const [one, two] = passes(2) as [Record<string, unknown>, Record<string, unknown>]
  const same = { ...two, event_id: 'other', badge: one['badge'], at: one['at'], force: one['force'], door: one['door'] }
  const [first, second] = (await port.predict('doors', [one, same], caller)) as readonly Predicted[]
  assert.equal(first!.score, second!.score)
})

test('while a state is rebuilt, requests fail; afterwards they are answered', async () => {
  const { harness, port } = await served()
  const asked = (): Promise<unknown>[] => [
    port.predict('doors', passes(1), caller),
    port.features('doors', 'badge', 'acme', ['b1'], monday),
  ]
  const rebuilding = (error: unknown): boolean => isEngineError(error, 'REBUILDING')
  for (const one of asked())
    await assert.rejects(one, rebuilding, 'nobody scores the partitions yet, or the state was emptied')
  await claimAll(harness, 41)
  for (const one of asked()) await assert.rejects(one, rebuilding)
  const flow = await harness.score()
  await harness.append(passes(50))
  await flow.caughtUp()
  await flow.stop()
  assert.equal((await port.predict('doors', passes(1), caller)).length, 1)
})

/** Nested lists, deeper than the stack. */
const deep = (): unknown => {
  let value: unknown = 1
  for (let i = 0; i < 1_000_000; i++) value = [value]
  return value
}

test('an event that makes the code throw is refused alone, by ingest and by predict', async () => {
  const { harness, port } = await served()
  await claimAll(harness)
  const [a, b, c, d] = passes(4) as [Fields, Fields, Fields, Fields]
  const given = [a, { ...b, badge: deep() }, c, { ...d, event_id: deep(), force: Infinity }]
  const codes = (results: readonly object[]): unknown[] =>
    results.map((one) => ('error' in one ? (one.error as { code: string }).code : 'ok'))
  assert.deepEqual(codes(await port.ingest('doors', given, caller)), ['ok', 'BAD_FIELD', 'ok', 'BAD_FIELD'])
  assert.deepEqual(codes(await port.predict('doors', given, caller)), ['ok', 'BAD_FIELD', 'ok', 'BAD_FIELD'])
  const { plan } = harness.stream
  const open: typeof plan.open = (...args) => {
    const state = plan.open(...args)
    const fold: typeof state.fold = (event, vectors, at) => {
      if (event['event_id'] === c['event_id']) throw new TypeError('cannot fold')
      return state.fold(event, vectors, at)
    }
    return Object.assign(Object.create(state), {
      missing: state.missing.bind(state),
      admit: state.admit.bind(state),
      fold,
    }) as typeof state
  }
  Object.assign(harness.stream, { plan: { ...plan, open } })
  const [first, , fault, , last] = await port.predict('doors', [...given, d], caller)
  assert.deepEqual(codes([first!, fault!, last!]), ['ok', 'RECORD_FAULT', 'ok'])
  const alone = await port.predict('doors', [d], caller)
  assert.deepEqual(last, alone[0])
})

test('good events are acknowledged with their offsets, bad ones answered at their index', async () => {
  const { harness, port } = await served()
  const [a, b, c] = passes(3) as [Record<string, unknown>, Record<string, unknown>, Record<string, unknown>]
  const results = await port.ingest(
    'doors',
    [a, { ...b, force: 'x' }, { ...c, tenant_id: 'nobody' }, { ...c, at: Date.now() + 86_400_000 }, c, 'text'],
    caller,
  )
  assert.deepEqual(
    results.map((one) => (isRejected(one) ? one.error.code : 'ok')),
    ['ok', 'BAD_FIELD', 'UNKNOWN_TENANT', 'TIME_OUT_OF_RANGE', 'ok', 'BAD_JSON'],
  )
  const rejected = results[1]!
  assert.ok(isRejected(rejected) && rejected.error.field === 'force' && rejected.event_id === 'acme-1')
  const first = results[0]!
  assert.ok(!isRejected(first))
  const stored = await harness.records(harness.stream.topics.events, first.partition)
  assert.deepEqual(
    stored.map(({ headers }) => [headers['event_id']?.toString(), headers['tenant']?.toString()]),
    [
      ['acme-0', 'acme'],
      ['acme-2', 'acme'],
    ],
  )
})

test('an event that is sent twice is acknowledged twice and scored once', async () => {
  const { harness, port } = await served()
  const flow = await harness.score()
  const events = passes(3)
  await port.ingest('doors', events, caller)
  const again = await port.ingest('doors', events, caller)
  assert.ok(again.every((one) => !isRejected(one)))
  await flow.caughtUp()
  assert.deepEqual(
    [...(await harness.seen()).values()].map(({ kind }) => kind),
    ['prediction', 'prediction', 'prediction', 'duplicate', 'duplicate', 'duplicate'],
  )
})

test('the features of an entity are those of its state at a time', async () => {
  const { harness, port } = await served()
  const flow = await harness.score()
  await port.ingest('doors', passes(30), caller)
  await flow.caughtUp()
  await flow.stop()
  const badge = passes(1)[0]!['badge'] as string
  const mine = passes(30).filter((event) => event['badge'] === badge)
  const found = await port.features('doors', 'badge', 'acme', [badge], monday + 3_600_000)
  assert.equal(
    found?.values['passes_1h'],
    mine.filter((event) => (event['at'] as number) > monday && (event['at'] as number) <= monday + 3_600_000).length,
  )
  assert.equal(await port.features('doors', 'badge', 'acme', ['nobody'], monday), undefined)
  assert.equal(
    await port.features('doors', 'badge', 'beta', [badge], monday),
    undefined,
    "another tenant's badge of the same name",
  )
})

test('outcomes are durable records keyed by tenant, with the key that sent them', async () => {
  const { harness, port } = await served()
  await port.appendOutcomes(
    [{ stream: 'doors', tenant: 'acme', event_id: 'acme-1', label: 1, source: 'review', decidedAtMs: 5 }],
    caller,
  )
  const [record] = await harness.records('outcomes', 0)
  assert.equal(record!.key?.toString(), 'acme')
  assert.deepEqual(JSON.parse(record!.value!.toString()), {
    stream: 'doors',
    tenant: 'acme',
    event_id: 'acme-1',
    label: 1,
    source: 'review',
    decidedAtMs: 5,
    by: 'k1',
  })
})

test('an unknown stream is answered with the names of the known ones', async () => {
  const { port } = await served()
  await assert.rejects(async () => port.ingest('windows', [], caller), /windows.*doors/)
})

test('a caller gets a score while the log is unreachable; the prediction is logged afterwards', async () => {
  const { harness, port, held } = await served()
  await claimAll(harness)
  held.away = true
  const [answered] = (await port.predict('doors', passes(1), caller)) as readonly Predicted[]
  assert.ok(answered!.score >= 0)
  await assert.rejects(port.predict('doors', passes(1), caller, true), (error) => isEngineError(error, 'DISK_FULL'))
  held.away = false
  await vi.waitUntil(async () => (await harness.records(apiPredictionsTopic.topic, 0)).length > 0)
  const [record] = await harness.records(apiPredictionsTopic.topic, 0)
  assert.deepEqual(decodeBlock(record!.value!).eventIds, [answered!.event_id])
})

test('a prediction that was answered before a stop is in the log after it', async () => {
  const { harness, port, predictions } = await served()
  await claimAll(harness)
  await Promise.all(passes(20).map((one) => port.predict('doors', [one], caller)))
  await predictions.close()
  assert.equal((await harness.records(apiPredictionsTopic.topic, 0)).length, 20)
})
