import { strict as assert } from 'node:assert'
import { existsSync, readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { onTestFinished, test } from 'vitest'
import { Registry } from 'prom-client'
import { EngineError } from '../../../src/base/errors.js'
import { systemClock } from '../../../src/base/clock.js'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { followModelFaults, type ModelFaults } from '../../../src/consumers/models/model-faults.js'
import { servingOf } from '../../../src/consumers/control/serving.js'
import { decodeBlock } from '../../../src/log/blocks/codec.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import { championOf, emptyRouting, versionOf, withChampion } from '../../../src/scorers/routing.js'
import type { Manifest, ModelName, StoredModel } from '../../../src/scorers/model-store.js'
import { loadStreams } from '../../../src/streams/load.js'
import { doors } from '../../fixtures/doors.js'
import { marginModel, nanAboveModel } from '../../scorers/onnx/bytes.js'
import { engineHarness, passes, type EngineHarness } from '../engine-harness.js'
import { followRouting, type Followed } from '../control-harness.js'

const cases = new URL('../../../../shared/cases/', import.meta.url)

const stored = ({ stream, plan }: EngineHarness['stream'], bytes: Buffer, output?: string): StoredModel => {
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const manifest: Manifest = {
    family: stream.model ?? stream.name,
    scope: 'global',
    version: 'v1',
    fingerprint: plan.fingerprint,
    features: [...plan.names],
    sha256,
    input: 'input',
    output: output ?? 'score',
    metrics: {},
    reference: {},
  }
  return { manifest, model: { id: sha256, bytes, input: 'input', output } }
}

const margin = (width: number): Buffer => marginModel(new Array<number>(width).fill(1))

interface Watched {
  readonly harness: EngineHarness
  readonly followed: Followed
  readonly faults: ModelFaults
  readonly reports: string[]
  readonly errors: () => Promise<string>
  /** Time passes for what is shown. */
  readonly pass: (ms: number) => void
}

/** An engine whose model is these bytes, activated by a person. */
async function watched(bytes: (width: number) => Buffer): Promise<Watched> {
  const harness = await engineHarness()
  const runtime = createOnnxRuntime()
  const [registry, reports] = [new Registry(), new Array<string>()]
  let passedMs = 0
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + passedMs }
  const faults = followModelFaults({ registry, clock, report: (message) => reports.push(message) })
  const model = stored(harness.stream, bytes(harness.stream.plan.width))
  const readModel = (name: ModelName) =>
    name.version === 'v1' ? Promise.resolve(model) : Promise.reject(new EngineError('UNKNOWN_MODEL', name.version))
  const { log, stream } = harness
  const followed = await followRouting({ log, streams: [stream], runtime, readModel, onModelError: faults.add })
  onTestFinished(async () => {
    await followed.close()
    await runtime.close()
  })
  await followed.decide({ kind: 'activate', family: 'door-force', scope: 'global', version: 'v1', by: 'ann', why: 'x' })
  return {
    ...{ harness, followed, faults, reports },
    errors: () => registry.getSingleMetricAsString('tidemill_model_errors_total'),
    pass: (ms) => void (passedMs += ms),
  }
}

async function servedBy({
  harness,
  followed,
}: Watched): Promise<readonly [version: string, by: number, ok: boolean][]> {
  const flow = await harness.score({ routing: () => followed.current() })
  await harness.append(passes(40))
  await flow.caughtUp()
  const records = await harness.records(harness.stream.topics.predictions, flow.chunks[0]!.partition)
  return records.flatMap(({ value }) => {
    const block = decodeBlock(value!)
    return Array.from(block.by, (by, row): [string, number, boolean] => [
      block.versions[block.versionOf[row]!]!,
      by,
      block.scores[row]! >= 0 && block.scores[row]! <= 1,
    ])
  })
}

test('a model that is refused does not end the engine: the heuristic scores, and every row says so', async () => {
  const engine = await watched(margin)
  const { followed, faults, reports, errors } = engine
  const rows = await servedBy(engine)
  assert.deepEqual([...new Set(rows.map(String))], ['heuristic_v1,2,true'])
  assert.equal(versionOf(championOf(followed.current(), 'door-force', 'acme')), 'heuristic_v1')
  assert.match(faults.problemOf(doors, followed.current())!, /door-force\/global\/v1 cannot serve: .*a margin/)
  assert.match(await errors(), /tidemill_model_errors_total\{model="door-force\/global\/v1"\} 40/)
  assert.equal(reports.length, 1, 'only the first error is logged')
})

test('a model that answers no score for some rows scores the others; the first error is logged and shown', async () => {
  const engine = await watched((width) => nanAboveModel(width, 30))
  const { followed, faults, reports, errors, pass } = engine
  assert.equal(faults.problemOf(doors, followed.current()), undefined)
  const rows = await servedBy(engine)
  const kinds = new Set(rows.map(String))
  assert.deepEqual([...kinds].sort(), ['heuristic_v1,2,true', 'v1,0,true'])
  const failed = rows.filter(([, by]) => by === 2).length
  assert.match(await errors(), new RegExp(`model="door-force/global/v1"\\} ${failed}`))
  assert.match(reports.join(), /^model door-force\/global\/v1 failed, .*it answered NaN/)
  assert.match(faults.problemOf(doors, followed.current())!, new RegExp(`failed on ${failed} rows: it answered NaN`))
  pass(2 * 60 * 60 * 1_000)
  assert.equal(faults.problemOf(doors, followed.current()), undefined, 'an old failure is not shown for ever')
})

test('no fault is shown for a model that no longer serves', async () => {
  const { faults, followed } = await watched(margin)
  assert.ok(faults.problemOf(doors, followed.current()) !== undefined)
  assert.equal(faults.problemOf(doors, withChampion(emptyRouting, 'door-force', 'global', undefined)), undefined)
})

const given = [
  ['model-nan/lr.onnx', /answers NaN where .* are missing\. Put the imputation into the exported pipeline/],
  ['model-zipmap/lr-default.onnx', /ZipMap.*options=\{'zipmap': False\}/],
  ['model-f16/lr16.onnx', /float16.*keep_io_types=True/],
  ['model-f16/lr-margin.onnx', /no probabilities: they add up to 0.*without raw_scores/],
] as const

for (const [file, words] of given)
  test(`the case ${file} is refused at opening with what mends it`, async () => {
    if (!existsSync(new URL(file, cases))) {
      process.stderr.write(`NOT RUN: the case ${file}, because ../shared/cases is missing\n`)
      return
    }
    const [pay] = await loadStreams([new URL('streams', cases).pathname])
    const stream = compileStream({ ...pay!, model: 'pay' })
    const runtime = createOnnxRuntime()
    onTestFinished(() => runtime.close())
    const readModel = () => Promise.resolve(stored(stream, readFileSync(new URL(file, cases))))
    await assert.rejects(
      servingOf({ runtime, streams: [stream], readModel }, { family: 'pay', scope: 'global', version: 'v1' }),
      (error) => error instanceof EngineError && error.code === 'MODEL_REFUSED' && words.test(error.message),
    )
  })
