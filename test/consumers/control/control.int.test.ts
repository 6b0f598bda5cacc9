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
import { engineRoom, passes, type EngineRoom } from '../engine-room.js'
import { controlTopic } from '../../../src/consumers/ground/topic-names.js'

/** A model of six features whose score is that of its weights; its version tells them apart. */
function modelOf(room: EngineRoom, version: string, weight: number, change: Partial<Manifest> = {}): StoredModel {
  const bytes = linearModel(room.stream.plan.names.map((name) => (name === 'force' ? weight : 0)))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const manifest: Manifest = {
    family: 'door-force',
    scope: 'global',
    version,
    fingerprint: room.stream.plan.fingerprint,
    features: [...room.stream.plan.names],
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
  room: EngineRoom,
  models: readonly StoredModel[],
  change: Partial<FollowOptions> = {},
): Promise<Followed> {
  const runtime = createOnnxRuntime()
  const followed = await followRouting({
    log: room.log,
    streams: [room.stream],
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

async function roomWithControl(): Promise<EngineRoom> {
  const room = await engineRoom()
  await room.log.ensure({ topic: controlTopic.topic, partitions: 1 })
  return room
}

test('a decision takes effect at a chunk boundary and its position stands in the blocks', async () => {
  const room = await roomWithControl()
  const control = await follow(room, [modelOf(room, 'v1', 0.1)])
  const flow = await room.score({ routing: () => control.current() })
  await room.append(passes(20))
  await flow.caughtUp()
  await control.decide(activate('v1'))
  await room.append(passes(20, 20))
  await flow.caughtUp()
  await control.decide(deactivate)
  await room.append(passes(20, 40))
  await flow.caughtUp()
  const blocks = (await room.records(room.stream.topics.predictions, flow.chunks[0]!.partition))
    .map(({ value }) => decodeBlock(value!))
    .filter(({ rows }) => rows > 0)
  const served = blocks.flatMap((block) =>
    Array.from(block.versionOf, (index) => `${block.control}:${block.versions[index]!}`),
  )
  assert.deepEqual([...new Set(served)], ['0:heuristic_v1', '1:v1', '2:heuristic_v1'])
  assert.equal(served.filter((one) => one === '1:v1').length, 20)
})

test('who follows later folds the same decisions to the same routing', async () => {
  const room = await roomWithControl()
  const models = [modelOf(room, 'v1', 0.1), modelOf(room, 'v2', 0.2), modelOf(room, 'own', 0.3, { scope: 'acme' })]
  const first = await follow(room, models)
  for (const decision of [activate('v1'), activate('own', 'acme'), activate('v2')]) await first.decide(decision)
  const second = await follow(room, models)
  for (const control of [first, second]) {
    assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'own')
    assert.equal(championOf(control.current(), 'door-force', 'other')?.version, 'v2')
    assert.equal(control.current().position, 3)
  }
})

test('a routed model that is not here is waited for', async () => {
  const room = await roomWithControl()
  const models: StoredModel[] = []
  let waited = 0
  const control = await follow(room, models, {
    clock: { ...systemClock, sleep: () => new Promise((resolve) => setTimeout(resolve, 5)) },
    onWaiting: () => waited++,
  })
  const decided = control.decide(activate('v1'))
  while (waited < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  models.push(modelOf(room, 'v1', 0.1))
  await decided
  assert.equal(championOf(control.current(), 'door-force', 'any')?.version, 'v1')
})

test('a model of other vectors is refused', async () => {
  const room = await roomWithControl()
  const control = await follow(room, [modelOf(room, 'v1', 0.1, { fingerprint: '0123456789abcdef' })])
  await assert.rejects(
    control.decide(activate('v1')),
    (error) => isEngineError(error, 'MODEL_MISMATCH') && /doors/.test(error.message),
  )
  await assert.rejects(control.failed, (error) => isEngineError(error, 'MODEL_MISMATCH'))
})

test('the newest bundled model serves from the first start, until a person decides', async () => {
  const room = await roomWithControl()
  const stored = [modelOf(room, '1', 0.1), modelOf(room, '2', 0.2)]
  const models = stored.map(({ manifest: { family, scope, version } }) => ({ family, scope, version }))
  const first = (routes: Routes) =>
    bundledDecisions({ routes, streams: [room.stream], models, readModel: reading(stored), report: () => undefined })
  const one = await follow(room, stored, { first })
  assert.equal(championOf(one.current(), 'door-force', 'any')?.version, '2')
  await one.decide(activate('1'))
  const two = await follow(room, stored, { first })
  assert.equal(championOf(two.current(), 'door-force', 'any')?.version, '1')
  assert.equal((await room.log.bounds(controlTopic)).next, 2, 'a later start decides nothing')
})

test('a bundled model that is withheld serves only when a person activates it', async () => {
  const room = await roomWithControl()
  const stored = [modelOf(room, '1', 0.1, { withheld: 'worse than the heuristic on real doors' })]
  const first = (routes: Routes) =>
    bundledDecisions({
      routes,
      streams: [room.stream],
      models: [{ family: 'door-force', scope: 'global', version: '1' }],
      readModel: reading(stored),
      report: (message) => assert.fail(message),
    })
  const control = await follow(room, stored, { first })
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  await control.decide(activate('1'))
  assert.equal(championOf(control.current(), 'door-force', 'any')?.version, '1')
})

test('a bundled model that does not fit is named and left out', async () => {
  const room = await roomWithControl()
  const stored = [modelOf(room, '1', 0.1, { fingerprint: '0123456789abcdef' })]
  const said: string[] = []
  const first = (routes: Routes) =>
    bundledDecisions({
      routes,
      streams: [room.stream],
      models: [{ family: 'door-force', scope: 'global', version: '1' }],
      readModel: reading(stored),
      report: (message) => said.push(message),
    })
  const control = await follow(room, stored, { first })
  assert.equal(championOf(control.current(), 'door-force', 'any'), undefined)
  assert.match(said[0]!, /door-force.*0123456789abcdef.*doors/)
})

test('a decision of a newer build stops the partitions whose model it decides about, and answers nothing in its place', async () => {
  const room = await roomWithControl()
  const followed = await follow(room, [modelOf(room, 'v1', 0.1)])
  await followed.decide(activate('v1'))
  const stops = await room.stops()
  const flow = await room.score({ routing: () => followed.current(), stops })
  await room.append(passes(10))
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
  const offset = await room.log.append(controlTopic, [oldRecord(split)])
  await followed.reached(offset + 1)
  await room.append(passes(10, 10))
  await expect.poll(() => stops.stopped().length).toBe(1)
  assert.equal(stops.stopped()[0]!.code, 'UNKNOWN_DECISION')
  assert.equal((await room.seen()).size, 10)
})
