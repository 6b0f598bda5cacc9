import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { bundledDecisions } from '../../../src/consumers/models/bundled.js'
import type { NewDecision } from '../../../src/consumers/control/decision.js'
import type { Routes } from '../../../src/consumers/control/routes.js'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import type { Manifest, ModelName, StoredModel } from '../../../src/scorers/model-store.js'
import { championOf } from '../../../src/scorers/routing.js'
import { onTestFinished } from 'vitest'
import { linearModel } from '../../scorers/onnx/bytes.js'
import { followRouting, oldRecord, type Followed, type FollowOptions } from '../control-harness.js'
import { engineHarness, passes, type EngineHarness } from '../engine-harness.js'
import { controlTopic } from '../../../src/consumers/ground/topic-names.js'

/** A model of six features whose score is that of its weights; its version tells them apart. */
function modelOf(harness: EngineHarness, version: string, weight: number, change: Partial<Manifest> = {}): StoredModel {
  const bytes = linearModel(harness.stream.plan.names.map((name) => (name === 'force' ? weight : 0)))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const manifest: Manifest = {
    family: 'door-force',
    scope: 'global',
    version,
    fingerprint: harness.stream.plan.fingerprint,
    features: [...harness.stream.plan.names],
    sha256,
    input: 'input',
    output: 'score',
    metrics: {},
    reference: {},
    thresholds: { medium: 0.5, high: 0.9 },
    ...change,
  }
  return { manifest, model: { id: sha256, bytes, input: 'input', output: 'score' } }
}

async function follow(
  harness: EngineHarness,
  models: readonly StoredModel[],
  change: Partial<FollowOptions> = {},
): Promise<Followed> {
  const runtime = createOnnxRuntime()
  const followed = await followRouting({
    log: harness.log,
    streams: [harness.stream],
    runtime,
    readModel: reading(models),
    ...change,
  })
  onTestFinished(async () => {
    await followed.close()
    await runtime.close()
  })
  return followed
}

const reading =
  (models: readonly StoredModel[]) =>
  (name: ModelName): Promise<StoredModel> => {
    const found = models.find(({ manifest }) => manifest.scope === name.scope && manifest.version === name.version)
    return found === undefined
      ? Promise.reject(new EngineError('UNKNOWN_MODEL', `no ${name.version} here`))
      : Promise.resolve(found)
  }

const activate = (version: string, scope = 'global'): NewDecision => ({
  kind: 'activate',
  family: 'door-force',
  scope,
  version,
  by: 'ann',
  why: 'better',
})
const deactivate: NewDecision = { kind: 'deactivate', family: 'door-force', scope: 'global', by: 'ann', why: 'worse' }

async function harnessWithControl(): Promise<EngineHarness> {
  const harness = await engineHarness()
  await harness.log.ensure({ topic: controlTopic.topic, partitions: 1 })
  return harness
}

test('a decision takes effect at a chunk boundary, and the blocks name its position', async () => {
  const harness = await harnessWithControl()
  const control = await follow(harness, [modelOf(harness, 'v1', 0.1)])
  const flow = await harness.score({ routing: () => control.current() })
  await harness.append(passes(20))
  await flow.caughtUp()
  await control.decide(activate('v1'))
  await harness.append(passes(20, 20))
  await flow.caughtUp()
  await control.decide(deactivate)
  await harness.append(passes(20, 40))
  await flow.caughtUp()
  const blocks = (await harness.records(harness.stream.topics.predictions, flow.chunks[0]!.partition))
    .map(({ value }) => decodeBlock(value!))
    .filter(({ rows }) => rows > 0)
  const served = blocks.flatMap((block) =>
    Array.from(block.versionOf, (index) => `${block.control}:${block.versions[index]!}`),
  )
  assert.deepEqual([...new Set(served)], ['0:heuristic_v1', '1:v1', '2:heuristic_v1'])
  assert.equal(served.filter((one) => one === '1:v1').length, 20)
})

test('a follower that starts later comes to the same routing', async () => {
  const harness = await harnessWithControl()
  const models = [
    modelOf(harness, 'v1', 0.1),
    modelOf(harness, 'v2', 0.2),
    modelOf(harness, 'own', 0.3, { scope: 'acme' }),
  ]
  const first = await follow(harness, models)
  for (const decision of [activate('v1'), activate('own', 'acme'), activate('v2')]) await first.decide(decision)
  const second = await follow(harness, models)
  for (const control of [first, second]) {
    assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'own')
    assert.equal(championOf(control.current(), 'door-force', 'other')?.version, 'v2')
    assert.equal(control.current().position, 3)
  }
})

test('a decision waits for a model that is not there yet', async () => {
  const harness = await harnessWithControl()
  const models: StoredModel[] = []
  let waited = 0
  const control = await follow(harness, models, {
    clock: { ...systemClock, sleep: () => new Promise((resolve) => setTimeout(resolve, 5)) },
    onWaiting: () => waited++,
  })
  const decided = control.decide(activate('v1'))
  while (waited < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  models.push(modelOf(harness, 'v1', 0.1))
  await decided
  assert.equal(championOf(control.current(), 'door-force', 'any')?.version, 'v1')
})

test('a model for other vectors is refused', async () => {
  const harness = await harnessWithControl()
  const control = await follow(harness, [modelOf(harness, 'v1', 0.1, { fingerprint: '0123456789abcdef' })])
  await assert.rejects(
    control.decide(activate('v1')),
    (error) => isEngineError(error, 'MODEL_MISMATCH') && /doors/.test(error.message),
  )
  await assert.rejects(control.failed, (error) => isEngineError(error, 'MODEL_MISMATCH'))
})

test('the named model serves from the first start, also beside a newer one, until a person decides', async () => {
  const harness = await harnessWithControl()
  const stored = [modelOf(harness, '1', 0.1), modelOf(harness, '2', 0.2), modelOf(harness, '3', 0.3)]
  const models = stored.map(({ manifest: { family, scope, version } }) => ({ family, scope, version }))
  const first = (routes: Routes) =>
    bundledDecisions({
      routes,
      streams: [harness.stream],
      models,
      serve: ['door-force/2'],
      isSet: false,
      readModel: reading(stored),
      report: () => undefined,
    })
  const one = await follow(harness, stored, { first })
  assert.equal(championOf(one.current(), 'door-force', 'any')?.version, '2')
  await one.decide(activate('1'))
  const two = await follow(harness, stored, { first })
  assert.equal(championOf(two.current(), 'door-force', 'any')?.version, '1')
  assert.equal((await harness.log.bounds(controlTopic)).next, 2, 'a later start decides nothing')
})

test('a bundled model that is withheld serves only when a person activates it', async () => {
  const harness = await harnessWithControl()
  const stored = [modelOf(harness, '1', 0.1, { withheld: 'worse than the heuristic on real doors' })]
  const first = (routes: Routes) =>
    bundledDecisions({
      routes,
      streams: [harness.stream],
      models: [{ family: 'door-force', scope: 'global', version: '1' }],
      serve: ['door-force/1'],
      isSet: false,
      readModel: reading(stored),
      report: (message) => assert.fail(message),
    })
  const control = await follow(harness, stored, { first })
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  await control.decide(activate('1'))
  assert.equal(championOf(control.current(), 'door-force', 'any')?.version, '1')
})

test('a bundled model that does not fit is reported and left out', async () => {
  const harness = await harnessWithControl()
  const stored = [modelOf(harness, '1', 0.1, { fingerprint: '0123456789abcdef' })]
  const reports: string[] = []
  const first = (routes: Routes) =>
    bundledDecisions({
      routes,
      streams: [harness.stream],
      models: [{ family: 'door-force', scope: 'global', version: '1' }],
      serve: ['door-force/1'],
      isSet: false,
      readModel: reading(stored),
      report: (message) => reports.push(message),
    })
  const control = await follow(harness, stored, { first })
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  assert.match(reports[0]!, /door-force.*0123456789abcdef.*doors/)
})

test('a decision of a newer build about a model stops the partitions that the model scores', async () => {
  const harness = await harnessWithControl()
  const followed = await follow(harness, [modelOf(harness, 'v1', 0.1)])
  await followed.decide(activate('v1'))
  const stops = await harness.stops()
  const flow = await harness.score({ routing: () => followed.current(), stops })
  await harness.append(passes(10))
  await flow.caughtUp()
  const split = {
    v: 1,
    kind: 'split',
    id: 'x',
    by: 'ann',
    why: 'try it',
    atMs: 1,
    replaces: null,
    family: 'door-force',
  }
  const offset = await harness.log.append(controlTopic, [oldRecord(split)])
  await followed.reached(offset + 1)
  await harness.append(passes(10, 10))
  await expect.poll(() => stops.stopped().length).toBe(1)
  assert.equal(stops.stopped()[0]!.code, 'UNKNOWN_DECISION')
  assert.equal((await harness.seen()).size, 10)
})
