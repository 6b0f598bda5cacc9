import { strict as assert } from 'node:assert'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { compileStream } from '../../../src/consumers/ground/compiled.js'
import { passes } from '../../consumers/engine-harness.js'
import { placeDoorsModel } from '../../consumers/models/placed-model.js'
import { doors } from '../../fixtures/doors.js'
import { nanAboveModel } from '../../scorers/onnx/bytes.js'
import { tidemill, type Ran } from '../harness.js'
import { doorsAsAUsers } from '../user-doors.js'

/** Scores 60 events with a folder that has the models v1 (good) and v2 (NaN for some rows). */
async function scoring(): Promise<(...args: readonly string[]) => Promise<Ran & { readonly versions: Set<string> }>> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-score-models-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const [models, input] = [join(directory, 'models'), join(directory, 'in.ndjson')]
  await mkdir(models)
  const stream = compileStream(doors)
  await placeDoorsModel(models, stream, 'v1', 2)
  await placeDoorsModel(models, stream, 'v2', nanAboveModel(stream.plan.width, 30))
  await writeFile(
    input,
    passes(60)
      .map((event) => JSON.stringify(event))
      .join('\n'),
  )
  const streams = await doorsAsAUsers(directory)
  return async (...args) => {
    const given = args.map((arg) => (arg === 'MODELS' ? models : arg))
    const ran = await tidemill(['score', '--stream', 'doors', '--streams', streams, '--in', input, ...given])
    const lines = ran.data.split('\n').filter((line) => line !== '')
    return { ...ran, versions: new Set(lines.map((line) => (JSON.parse(line) as { version: string }).version)) }
  }
}

test('a model of the folder scores only when it is named, and the others are listed', async () => {
  const score = await scoring()
  const unnamed = await score('--models', 'MODELS')
  assert.deepEqual([unnamed.exit, [...unnamed.versions]], [0, ['heuristic_v1']])
  assert.match(unnamed.said, /the heuristic scores: choose a model of family door-force with --model \(v1, v2\)/)
  const named = await score('--models', 'MODELS', '--model', 'v1')
  assert.deepEqual([named.exit, [...named.versions]], [0, ['v1']], named.said)
  const heuristic = await score('--models', 'MODELS', '--model', 'heuristic_v1')
  assert.deepEqual([heuristic.exit, [...heuristic.versions]], [0, ['heuristic_v1']])
  const unknown = await score('--models', 'MODELS', '--model', 'v9')
  assert.equal(unknown.exit, 3)
})

test('rows on which the model failed are scored by the heuristic, and the exit code is 5', async () => {
  const score = await scoring()
  const ran = await score('--models', 'MODELS', '--model', 'v2')
  assert.deepEqual([ran.exit, [...ran.versions].sort()], [5, ['heuristic_v1', 'v2']])
  assert.match(ran.said, /the model failed on \d+ events, and the heuristic scored them: it answered NaN/)
  assert.ok(!/"score":null/.test(ran.data))
})

test('a folder that is missing is an error', async () => {
  const score = await scoring()
  const ran = await score('--models', '/nowhere/models')
  assert.deepEqual([ran.exit, ran.data], [3, ''])
  assert.match(ran.said, /nowhere\/models is missing; correct --models/)
})
