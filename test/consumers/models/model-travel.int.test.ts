import { strict as assert } from 'node:assert'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'vitest'
import { bundledDecisions } from '../../../src/consumers/models/bundled.js'
import type { Routes } from '../../../src/consumers/control/routes.js'
import { systemClock } from '../../../src/base/clock.js'
import { limits } from '../../../src/base/limits.js'
import type { EventLog } from '../../../src/log/event-log.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { modelPath, readModel } from '../../../src/scorers/model-store.js'
import { championOf } from '../../../src/scorers/routing.js'
import { engineHarness, passes } from '../engine-harness.js'

import { away, bootstrap, bound, code, filesOf, follow, inTopic, machine, nameOf, topicOf } from './models-harness.js'

test('a machine without models serves the models of another one, byte for byte, and keeps copies', async () => {
  const harness = await engineHarness()
  const rich = await machine(harness, 'rich', { v1: filesOf(harness, 'v1', 0.1) })
  await follow(harness, rich, { first: bootstrap(harness, rich) })
  const poor = await machine(harness, 'poor')
  const control = await follow(harness, poor, { first: bootstrap(harness, poor) })
  assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'v1')

  const flow = await harness.score({ routing: () => control.current() })
  await harness.append(passes(20))
  await flow.caughtUp()
  const blocks = (await harness.records(harness.stream.topics.predictions, flow.chunks[0]!.partition)).map(
    ({ value }) => decodeBlock(value!),
  )
  assert.deepEqual(
    [...new Set(blocks.flatMap((block) => Array.from(block.versionOf, (index) => block.versions[index]!)))],
    ['v1'],
  )

  const place = join(poor.kept, modelPath(nameOf('v1')))
  for (const file of ['manifest.json', 'card.md', 'model.onnx']) {
    assert.deepEqual(
      await readFile(join(place, file)),
      await readFile(join(rich.directory, modelPath(nameOf('v1')), file)),
    )
    assert.equal((await stat(join(place, file))).mode & 0o777, 0o640)
  }
  assert.deepEqual(
    (await readdir(poor.kept)).filter((name) => name.startsWith('.')),
    [],
    'nothing unfinished lies about',
  )
})

test('a decision waits for its model where the model comes later; until then no other model serves', async () => {
  const harness = await engineHarness()
  const poor = await machine(harness, 'poor')
  let waited = 0
  const control = await follow(harness, poor, { onWaiting: () => waited++ })
  const decided = control.decide({ kind: 'activate', ...nameOf('v2'), by: 'ann', why: 'better' })
  while (waited < 2) await systemClock.sleep(2)
  assert.equal(championOf(control.current(), 'door-force', 'acme'), undefined)
  await topicOf(harness).publish(nameOf('v2'), filesOf(harness, 'v2', 0.2))
  await decided
  assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'v2')
})

test('a decision waits for its model where the log is unreachable', async () => {
  const harness = await engineHarness()
  await topicOf(harness).publish(nameOf('v1'), filesOf(harness, 'v1', 0.1))
  let failures = 2
  const flaky: EventLog = {
    ...bound(harness.log),
    bounds: (at) => (failures-- > 0 ? Promise.reject(away()) : harness.log.bounds(at)),
  }
  const control = await follow(harness, await machine(harness, 'poor', {}, flaky))
  await control.decide({ kind: 'activate', ...nameOf('v1'), by: 'ann', why: 'better' })
  assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'v1')
})

test('a published model is not published again, neither by a later start nor by two machines at once', async () => {
  const harness = await engineHarness()
  const bundled = { v1: filesOf(harness, 'v1', 0.1), v2: filesOf(harness, 'v2', 0.2) }
  const first = await machine(harness, 'first', bundled)
  await follow(harness, first, { first: bootstrap(harness, first) })
  assert.equal(await inTopic(harness), 2, 'older versions too: a person may go back to one')
  const second = await machine(harness, 'second', bundled)
  await follow(harness, second, { first: bootstrap(harness, second) })
  assert.equal(await inTopic(harness), 2)
  assert.deepEqual(second.said, [])

  const v3 = filesOf(harness, 'v3', 0.3, 2 * limits.modelPieceBytes)
  await Promise.all([topicOf(harness).publish(nameOf('v3'), v3), topicOf(harness).publish(nameOf('v3'), v3)])
  assert.deepEqual(await topicOf(harness).fetch(nameOf('v3')), v3)
})

test('a version has one content for ever: another content under its name is refused and does not serve', async () => {
  const harness = await engineHarness()
  const files = filesOf(harness, 'v1', 0.1)
  await topicOf(harness).publish(nameOf('v1'), files)
  const other = await machine(harness, 'other', { v1: filesOf(harness, 'v1', 0.9) })
  const control = await follow(harness, other, { first: bootstrap(harness, other) })
  assert.match(other.said.join(), /door-force\/global\/v1 was published before with another content.*not published/)
  assert.equal(championOf(control.current(), 'door-force', 'acme'), undefined)
  assert.deepEqual(await topicOf(harness).fetch(nameOf('v1')), files)
})

test('a kept copy is used instead of the log; a damaged copy is fetched from the log again', async () => {
  const harness = await engineHarness()
  await topicOf(harness).publish(nameOf('v1'), filesOf(harness, 'v1', 0.1))
  await (await machine(harness, 'poor')).read(nameOf('v1'))
  const nobodyAsks = () => Promise.reject(new Error('nobody asks'))
  const offline = await machine(harness, 'poor', {}, { ...bound(harness.log), bounds: nobodyAsks })
  assert.equal((await offline.read(nameOf('v1'))).manifest.version, 'v1')

  const path = join(offline.kept, modelPath(nameOf('v1')), 'model.onnx')
  await writeFile(path, 'damaged')
  const again = await machine(harness, 'poor')
  assert.equal((await again.read(nameOf('v1'))).manifest.version, 'v1')
  assert.match(again.said.join(), /model\.onnx has sha256 .*fetching it from the log again/)
  assert.equal((await readModel(again.kept, nameOf('v1'))).manifest.version, 'v1')
})

test('a machine that cannot keep a model serves it from memory and reports that', async () => {
  const harness = await engineHarness()
  await topicOf(harness).publish(nameOf('v1'), filesOf(harness, 'v1', 0.1))
  const poor = await machine(harness, 'poor')
  await mkdir(join(poor.kept, '..'), { recursive: true })
  await writeFile(poor.kept, 'a file where the folder should be')
  assert.equal((await poor.read(nameOf('v1'))).manifest.version, 'v1')
  assert.match(poor.said.join(), /door-force\/global\/v1 serves from memory, because it cannot be kept/)
  await rm(poor.kept)
})

test('two users of one machine share one copy of a model', async () => {
  const harness = await engineHarness()
  const rich = await machine(harness, 'rich', { v1: filesOf(harness, 'v1', 0.1) })
  const [one, two] = await Promise.all([rich.read(nameOf('v1')), rich.read(nameOf('v1'))])
  assert.equal(one.model.bytes, two.model.bytes)
  await assert.rejects(rich.read(nameOf('v9')), code('UNKNOWN_MODEL', /v9/))
})

test('a model that is dropped into the folder serves only when a person names it, and the log says so', async () => {
  const harness = await engineHarness()
  const dropped = await machine(harness, 'one', { v1: filesOf(harness, 'v1', 0.1), v2: filesOf(harness, 'v2', 0.2) })
  const decide = (serve: readonly string[], isSet: boolean) => (routes: Routes) =>
    bundledDecisions({
      streams: [harness.stream],
      models: [nameOf('v1'), nameOf('v2')],
      serve,
      isSet,
      routes,
      readModel: dropped.read,
      report: (message) => dropped.said.push(message),
    })
  const champion = async (serve: readonly string[], isSet = true): Promise<string | undefined> => {
    const followed = await follow(harness, dropped, { first: decide(serve, isSet) })
    return championOf(followed.current(), 'door-force', 'acme')?.version
  }
  assert.equal(await champion([], false), undefined)
  assert.match(dropped.said.at(-1)!, /door-force has models \(v1, v2\), but no person chose one: .*models\.serve/)
  assert.equal(await champion(['door-force/v1']), 'v1')
  assert.equal(await champion([], false), 'v1', 'what serves goes on serving')
  assert.equal(await champion(['door-force/v2']), 'v2', 'the setting may change')
  assert.equal(await champion(['door-force/v9']), 'v2')
  assert.match(dropped.said.at(-1)!, /models\.serve names door-force\/v9, which is not in the models folder/)

  const person = await follow(harness, dropped)
  await person.decide({ kind: 'activate', ...nameOf('v1'), by: 'ann', why: 'better at night' })
  assert.equal(await champion(['door-force/v2']), 'v1', "a person's decision stays")
  assert.match(dropped.said.at(-1)!, /models\.serve names door-force\/v2, but ann decided otherwise .*better at night/)
})
