import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { bundledDecisions } from '../../../src/consumers/models/bundled.js'
import type { NewDecision } from '../../../src/consumers/control/decision.js'
import type { Routes } from '../../../src/consumers/control/routes.js'
import { followRouting, type Followed, type FollowOptions } from '../control-harness.js'
import { openModelReading, type ModelReading } from '../../../src/consumers/models/reading.js'
import { openModelTopic, type ModelTopic } from '../../../src/consumers/models/topic.js'
import { recordOf, cut } from '../../../src/consumers/models/pieces.js'
import { EngineError, isEngineError, type ErrorCode } from '../../../src/base/errors.js'
import { limits } from '../../../src/base/limits.js'
import type { EventLog, NewRecord } from '../../../src/log/event-log.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { listModels, modelPath, readModel, type ModelFiles, type ModelName } from '../../../src/scorers/model-store.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import { championOf } from '../../../src/scorers/routing.js'
import { linearModel } from '../../scorers/onnx/bytes.js'
import { engineRoom, passes, type EngineRoom } from '../engine-room.js'
import { modelsTopic } from '../../../src/consumers/ground/topic-names.js'

const nameOf = (version: string): ModelName => ({ family: 'door-force', scope: 'global', version })
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** A model of the room's stream as files; `padding` bytes of card make it as large as a test wants. */
function filesOf(room: EngineRoom, version: string, weight: number, padding = 0): ModelFiles {
  const { names, fingerprint } = room.stream.plan
  const model = linearModel(names.map((name) => (name === 'force' ? weight : 0)))
  const manifest = {
    ...nameOf(version),
    fingerprint,
    features: names,
    sha256: sha256(model),
    input: 'input',
    output: 'score',
    metrics: {},
    reference: {},
  }
  return { model, manifest: Buffer.from(JSON.stringify(manifest)), card: Buffer.from('# Doors\n'.padEnd(padding, 'x')) }
}

/** The models folder of one machine. */
async function folder(
  room: EngineRoom,
  machine: string,
  models: Readonly<Record<string, ModelFiles>> = {},
): Promise<string> {
  const directory = join(room.directory, machine, 'models')
  for (const [version, { manifest, card, model }] of Object.entries(models)) {
    const place = join(directory, modelPath(nameOf(version)))
    await mkdir(place, { recursive: true })
    await writeFile(join(place, 'manifest.json'), manifest)
    await writeFile(join(place, 'card.md'), card)
    await writeFile(join(place, 'model.onnx'), model)
  }
  return directory
}

/** A machine with these bundled models and nothing else. */
async function machine(
  room: EngineRoom,
  name: string,
  models: Readonly<Record<string, ModelFiles>> = {},
  log: EventLog = room.log,
): Promise<ModelReading & { readonly kept: string; readonly directory: string; readonly said: string[] }> {
  const directory = await folder(room, name, models)
  const kept = join(room.directory, name, 'kept')
  const said: string[] = []
  const reading = openModelReading({ log, directory, kept, report: (message) => said.push(message) })
  onTestFinished(() => reading.close())
  return { ...reading, kept, directory, said }
}

async function follow(room: EngineRoom, reading: ModelReading, change: Partial<FollowOptions> = {}): Promise<Followed> {
  const runtime = createOnnxRuntime()
  const hasty = { ...systemClock, sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(5, signal) }
  const followed = await followRouting({
    log: room.log,
    streams: [room.stream],
    runtime,
    clock: hasty,
    readModel: reading.read,
    ...change,
  })
  onTestFinished(async () => {
    await followed.close()
    await runtime.close()
  })
  return followed
}

function topicOf(room: EngineRoom, said: string[] = []): ModelTopic {
  const topic = openModelTopic({ log: room.log, report: (message) => said.push(message) })
  onTestFinished(() => topic.close())
  return topic
}

const bootstrap =
  (room: EngineRoom, { directory, read, publish, said }: Awaited<ReturnType<typeof machine>>) =>
  async (routes: Routes): Promise<readonly NewDecision[]> =>
    bundledDecisions({
      streams: [room.stream],
      models: await listModels(directory),
      routes,
      readModel: read,
      publish,
      report: (message) => said.push(message),
    })

const code = (wanted: ErrorCode, words: RegExp) => (error: unknown) =>
  isEngineError(error, wanted) && words.test(error.message)
const inTopic = async (room: EngineRoom): Promise<number> => (await room.log.bounds(modelsTopic)).next

test('a machine without models serves, to the bit, what another one brought, and keeps it', async () => {
  const room = await engineRoom()
  const rich = await machine(room, 'rich', { v1: filesOf(room, 'v1', 0.1) })
  await follow(room, rich, { first: bootstrap(room, rich) })
  const poor = await machine(room, 'poor')
  const control = await follow(room, poor, { first: bootstrap(room, poor) })
  assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'v1')

  const flow = await room.score({ routing: () => control.current() })
  await room.append(passes(20))
  await flow.caughtUp()
  const blocks = (await room.records(room.stream.topics.predictions, flow.chunks[0]!.partition)).map(({ value }) =>
    decodeBlock(value!),
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

test('a model that is routed before it came is waited for; nothing else serves meanwhile', async () => {
  const room = await engineRoom()
  const poor = await machine(room, 'poor')
  let waited = 0
  const control = await follow(room, poor, { onWaiting: () => waited++ })
  const decided = control.decide({ kind: 'activate', ...nameOf('v2'), by: 'ann', why: 'better' })
  while (waited < 2) await systemClock.sleep(2)
  assert.equal(championOf(control.current(), 'door-force', 'acme'), undefined)
  await topicOf(room).publish(nameOf('v2'), filesOf(room, 'v2', 0.2))
  await decided
  assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'v2')
})

test('a log that is away while a model is fetched is waited for as well', async () => {
  const room = await engineRoom()
  await topicOf(room).publish(nameOf('v1'), filesOf(room, 'v1', 0.1))
  let failures = 2
  const flaky: EventLog = {
    ...bound(room.log),
    bounds: (at) => (failures-- > 0 ? Promise.reject(away()) : room.log.bounds(at)),
  }
  const control = await follow(room, await machine(room, 'poor', {}, flaky))
  await control.decide({ kind: 'activate', ...nameOf('v1'), by: 'ann', why: 'better' })
  assert.equal(championOf(control.current(), 'door-force', 'acme')?.version, 'v1')
})

test('a model larger than a record travels in pieces that a broker takes', async () => {
  const room = await engineRoom()
  const files = filesOf(room, 'v1', 0.1, 3 * limits.modelPieceBytes)
  assert.equal(await topicOf(room).publish(nameOf('v1'), files), 'published')
  const records = await room.records(modelsTopic.topic, 0)
  assert.equal(records.length, 4)
  for (const { value } of records) assert.ok(value!.length <= limits.modelPieceBytes)
  assert.equal(new Set(records.map(({ key }) => key!.toString())).size, 4, 'compaction keeps one record a key')
  assert.deepEqual(await topicOf(room).fetch(nameOf('v1')), files)
})

test('what is there is not published again, neither by a later start nor by two machines at once', async () => {
  const room = await engineRoom()
  const bundled = { v1: filesOf(room, 'v1', 0.1), v2: filesOf(room, 'v2', 0.2) }
  const first = await machine(room, 'first', bundled)
  await follow(room, first, { first: bootstrap(room, first) })
  assert.equal(await inTopic(room), 2, 'older versions too: a person may go back to one')
  const second = await machine(room, 'second', bundled)
  await follow(room, second, { first: bootstrap(room, second) })
  assert.equal(await inTopic(room), 2)
  assert.deepEqual(second.said, [])

  const v3 = filesOf(room, 'v3', 0.3, 2 * limits.modelPieceBytes)
  await Promise.all([topicOf(room).publish(nameOf('v3'), v3), topicOf(room).publish(nameOf('v3'), v3)])
  assert.deepEqual(await topicOf(room).fetch(nameOf('v3')), v3)
})

test('the rest of a model that was published in part follows', async () => {
  const room = await engineRoom()
  const files = filesOf(room, 'v1', 0.1, 3 * limits.modelPieceBytes)
  await room.log.append(modelsTopic, cut(nameOf('v1'), files).slice(0, 2).map(recordOf))
  const topic = topicOf(room)
  await assert.rejects(topic.fetch(nameOf('v1')), code('UNKNOWN_MODEL', /only a part/))
  await topic.publish(nameOf('v1'), files)
  assert.equal(await inTopic(room), 4)
  assert.deepEqual(await topic.fetch(nameOf('v1')), files)
})

const damages: Readonly<Record<string, (record: NewRecord) => NewRecord>> = {
  'a flipped bit': (record) => ({
    ...record,
    value: Buffer.from(record.value!.map((byte, at) => (at === 100 ? byte ^ 1 : byte))),
  }),
  'a hash of something else': (record) => ({
    ...record,
    headers: { ...record.headers, sha256: Buffer.from(sha256(Buffer.of(1))) },
  }),
  'a count that cannot be': (record) => ({ ...record, headers: { ...record.headers, pieces: Buffer.from('1e9') } }),
  'a key of somebody else': (record) => ({ ...record, key: Buffer.from('../../etc') }),
}
for (const [what, damage] of Object.entries(damages))
  test(`a piece with ${what} is refused and reported once, and a whole one makes up for it`, async () => {
    const room = await engineRoom()
    const files = filesOf(room, 'v1', 0.1, limits.modelPieceBytes)
    const [first, second] = cut(nameOf('v1'), files).map(recordOf)
    await room.log.append(modelsTopic, [first!, damage(second!)])
    const said: string[] = []
    const topic = topicOf(room, said)
    for (let times = 0; times < 2; times++)
      await assert.rejects(topic.fetch(nameOf('v1')), code('UNKNOWN_MODEL', /only a part/))
    assert.equal(said.length, 1)
    assert.match(said[0]!, /topic models, offset 1: .*left out/)
    await topic.publish(nameOf('v1'), files)
    assert.deepEqual(await topic.fetch(nameOf('v1')), files)
  })

test('a version means one content for ever: another one under its name is refused, and does not serve by itself', async () => {
  const room = await engineRoom()
  const files = filesOf(room, 'v1', 0.1)
  await topicOf(room).publish(nameOf('v1'), files)
  const other = await machine(room, 'other', { v1: filesOf(room, 'v1', 0.9) })
  const control = await follow(room, other, { first: bootstrap(room, other) })
  assert.match(other.said.join(), /door-force\/global\/v1 was published before with another content.*not published/)
  assert.equal(championOf(control.current(), 'door-force', 'acme'), undefined)
  assert.deepEqual(await topicOf(room).fetch(nameOf('v1')), files)
})

test('a kept copy spares the log; a damaged one is taken from it again', async () => {
  const room = await engineRoom()
  await topicOf(room).publish(nameOf('v1'), filesOf(room, 'v1', 0.1))
  await (await machine(room, 'poor')).read(nameOf('v1'))
  const nobodyAsks = () => Promise.reject(new Error('nobody asks'))
  const offline = await machine(room, 'poor', {}, { ...bound(room.log), bounds: nobodyAsks })
  assert.equal((await offline.read(nameOf('v1'))).manifest.version, 'v1')

  const path = join(offline.kept, modelPath(nameOf('v1')), 'model.onnx')
  await writeFile(path, 'damaged')
  const again = await machine(room, 'poor')
  assert.equal((await again.read(nameOf('v1'))).manifest.version, 'v1')
  assert.match(again.said.join(), /model\.onnx has sha256 .*taking it from the log again/)
  assert.equal((await readModel(again.kept, nameOf('v1'))).manifest.version, 'v1')
})

test('a machine that cannot keep a model serves it from memory and says so', async () => {
  const room = await engineRoom()
  await topicOf(room).publish(nameOf('v1'), filesOf(room, 'v1', 0.1))
  const poor = await machine(room, 'poor')
  await mkdir(join(poor.kept, '..'), { recursive: true })
  await writeFile(poor.kept, 'a file where the folder should be')
  assert.equal((await poor.read(nameOf('v1'))).manifest.version, 'v1')
  assert.match(poor.said.join(), /door-force\/global\/v1 serves from memory, it cannot be kept/)
  await rm(poor.kept)
})

test('two users of one machine share one copy of a model', async () => {
  const room = await engineRoom()
  const rich = await machine(room, 'rich', { v1: filesOf(room, 'v1', 0.1) })
  const [one, two] = await Promise.all([rich.read(nameOf('v1')), rich.read(nameOf('v1'))])
  assert.equal(one.model.bytes, two.model.bytes)
  await assert.rejects(rich.read(nameOf('v9')), code('UNKNOWN_MODEL', /v9/))
})

test('no name leads out of a folder of models', async () => {
  for (const part of ['..', '', '.hidden', 'a/b', 'a\\b'])
    assert.throws(
      () => modelPath({ family: 'f', scope: part, version: 'v1' }),
      code('UNKNOWN_MODEL', /is not the name of a model/),
    )
})

const away = () => new EngineError('LOG_DOWN', 'not now')
const bound = (log: EventLog): EventLog => ({
  ensure: (topic) => log.ensure(topic),
  append: (at, records) => log.append(at, records),
  bounds: (at, since) => log.bounds(at, since),
  reader: (at) => log.reader(at),
})
