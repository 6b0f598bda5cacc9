import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { activateBundled } from '../../../src/consumers/models/bundled.js'
import {
  followControl,
  type Control,
  type ControlOptions,
  type Decision,
} from '../../../src/consumers/control/control.js'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import type { Manifest, ModelName, StoredModel } from '../../../src/scorers/model-store.js'
import { championOf } from '../../../src/scorers/routing.js'
import { onTestFinished } from 'vitest'
import { linearModel } from '../../scorers/onnx/bytes.js'
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
  change: Partial<ControlOptions> = {},
): Promise<Control> {
  const runtime = createOnnxRuntime()
  const control = await followControl({
    log: harness.log,
    streams: [harness.stream],
    runtime,
    clock: systemClock,
    readModel: reading(models),
    ...change,
  })
  onTestFinished(async () => {
    await control.close()
    await runtime.close()
  })
  return control
}

const reading =
  (models: readonly StoredModel[]) =>
  (name: ModelName): Promise<StoredModel> => {
    const found = models.find(({ manifest }) => manifest.scope === name.scope && manifest.version === name.version)
    return found === undefined
      ? Promise.reject(new EngineError('UNKNOWN_MODEL', `no ${name.version} here`))
      : Promise.resolve(found)
  }

const activate = (version: string, scope = 'global'): Decision => ({
  kind: 'activate',
  family: 'door-force',
  scope,
  version,
  by: 'ann',
  why: 'better',
  atMs: 1,
})
const deactivate: Decision = {
  kind: 'deactivate',
  family: 'door-force',
  scope: 'global',
  by: 'ann',
  why: 'worse',
  atMs: 2,
}

async function harnessWithControl(): Promise<EngineHarness> {
  const harness = await engineHarness()
  await harness.log.ensure({ topic: controlTopic.topic, partitions: 1 })
  return harness
}

test('a decision takes effect at a chunk boundary and its position stands in the blocks', async () => {
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

test('who follows later folds the same decisions to the same routing', async () => {
  const harness = await harnessWithControl()
  const models = [modelOf(harness, 'v1', 0.1), modelOf(harness, 'v2', 0.2), modelOf(harness, 'own', 0.3, { scope: 'acme' })]
  const first = await follow(harness, models)
  for (const decision of [activate('v1'), activate('own', 'acme'), activate('v2')]) await first.decide(decision)
  const second = await follow(harness, models)
  for (const control of [first, second]) {
    assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'own')
    assert.equal(championOf(control.current(), 'door-force', 'other')?.version, 'v2')
    assert.equal(control.current().position, 3)
  }
})

test('a routed model that is not here is waited for', async () => {
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

test('a model of other vectors is refused', async () => {
  const harness = await harnessWithControl()
  const control = await follow(harness, [modelOf(harness, 'v1', 0.1, { fingerprint: '0123456789abcdef' })])
  await assert.rejects(
    control.decide(activate('v1')),
    (error) => isEngineError(error, 'MODEL_MISMATCH') && /doors/.test(error.message),
  )
  await assert.rejects(control.failed, (error) => isEngineError(error, 'MODEL_MISMATCH'))
})

test('the newest bundled model serves from the first start, until a person decides', async () => {
  const harness = await harnessWithControl()
  const stored = [modelOf(harness, '1', 0.1), modelOf(harness, '2', 0.2)]
  const models = stored.map(({ manifest: { family, scope, version } }) => ({ family, scope, version }))
  const firstDecisions = activateBundled({
    streams: [harness.stream],
    models,
    readModel: reading(stored),
    clock: systemClock,
    report: () => undefined,
  })
  const first = await follow(harness, stored, { firstDecisions })
  assert.equal(championOf(first.current(), 'door-force', 'any')?.version, '2')
  await first.decide(activate('1'))
  const second = await follow(harness, stored, { firstDecisions })
  assert.equal(championOf(second.current(), 'door-force', 'any')?.version, '1')
  assert.equal((await harness.log.bounds(controlTopic)).next, 2, 'a later start decides nothing')
})

test('a bundled model that is withheld serves only when a person activates it', async () => {
  const harness = await harnessWithControl()
  const stored = [modelOf(harness, '1', 0.1, { withheld: 'worse than the heuristic on real doors' })]
  const firstDecisions = activateBundled({
    streams: [harness.stream],
    models: [{ family: 'door-force', scope: 'global', version: '1' }],
    readModel: reading(stored),
    clock: systemClock,
    report: (message) => assert.fail(message),
  })
  const control = await follow(harness, stored, { firstDecisions })
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  await control.decide(activate('1'))
  assert.equal(championOf(control.current(), 'door-force', 'any')?.version, '1')
})

test('a bundled model that does not fit is named and left out', async () => {
  const harness = await harnessWithControl()
  const stored = [modelOf(harness, '1', 0.1, { fingerprint: '0123456789abcdef' })]
  const said: string[] = []
  const firstDecisions = activateBundled({
    streams: [harness.stream],
    models: [{ family: 'door-force', scope: 'global', version: '1' }],
    readModel: reading(stored),
    clock: systemClock,
    report: (message) => said.push(message),
  })
  const control = await follow(harness, stored, { firstDecisions })
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  assert.match(said[0]!, /door-force.*0123456789abcdef.*doors/)
})
