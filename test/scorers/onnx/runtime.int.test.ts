import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, test } from 'vitest'
import { isEngineError } from '../../../src/base/errors.js'
import { ModelRunError, type ModelBytes } from '../../../src/scorers/model-runtime.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import { batchDependentModel, externalDataModel, linearModel, lookupModel } from './bytes.js'

const runtime = createOnnxRuntime()
afterAll(() => runtime.close())

const workloadModel = async (): Promise<ModelBytes> => named(await readFile('bench/attendance-bench.onnx'))
const named = (bytes: Buffer): ModelBytes => ({ id: createHash('sha256').update(bytes).digest('hex'), bytes })
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

test('a model scores each row of a batch', async () => {
  const session = await runtime.open(named(linearModel([1, -2, 0.5])))
  const scores = await session.run(Float32Array.from([1, 1, 1, 0, 0, 0, 4, 1, 2]), 3)
  assert.equal(session.width, 3)
  assert.deepEqual(
    [...scores].map((x) => x.toFixed(6)),
    [sigmoid(-0.5), 0.5, sigmoid(3)].map((x) => x.toFixed(6)),
  )
})

test('rows are read from the start of a larger buffer, which stays unchanged', async () => {
  const session = await runtime.open(named(linearModel([1])))
  const vectors = Float32Array.from([0, 3, 7])
  const scores = await session.run(vectors.subarray(1), 1)
  assert.equal(scores.length, 1)
  assert.equal(scores[0]!.toFixed(6), sigmoid(3).toFixed(6))
  assert.deepEqual([...vectors], [0, 3, 7])
})

test('a model whose rows depend on their batch is run row by row', async () => {
  const session = await runtime.open(named(batchDependentModel()))
  const together = await session.run(Float32Array.from([1, 5, 9]), 3)
  assert.deepEqual([...together], [0.5, 0.5, 0.5])
})

test('an input on which the model fails is an error of only that run', async () => {
  const session = await runtime.open(named(lookupModel()))
  await assert.rejects(session.run(Float32Array.from([77]), 1), (error) => error instanceof ModelRunError)
  assert.equal((await session.run(Float32Array.from([2]), 1))[0]!.toFixed(3), '0.300')
})

test('each of several simultaneous calls gets its own scores', async () => {
  const session = await runtime.open(named(linearModel([1])))
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => session.run(Float32Array.from([i / 10]), 1)))
  answers.forEach((scores, i) => assert.equal(scores[0]!.toFixed(5), sigmoid(i / 10).toFixed(5)))
})

test('a model with data in another file is refused', async () => {
  await assert.rejects(
    runtime.open(named(externalDataModel())),
    (error) => isEngineError(error, 'MODEL_REFUSED') && /outside its file.*external_data=False/.test(error.message),
  )
})

test('bytes that are not a model are refused', async () => {
  await assert.rejects(runtime.open(named(Buffer.from('not a model'))), (error) =>
    isEngineError(error, 'MODEL_DAMAGED'),
  )
})

test('an evicted session is loaded again at its next run', async () => {
  const first = await runtime.open(named(linearModel([0.25])))
  for (let i = 0; i < 70; i++) await runtime.open(named(linearModel([i + 1])))
  assert.equal((await first.run(Float32Array.from([4]), 1))[0]!.toFixed(6), sigmoid(1).toFixed(6))
})

test(
  'a row scores the same to the bit alone, where it is run on this thread, and in a chunk, which the worker ' + 'runs',
  async () => {
    const runtime = createOnnxRuntime()
    const model = await workloadModel()
    const session = await runtime.open(model)
    const rows = 500
    const vectors = Float32Array.from({ length: rows * session.width }, (_, i) => ((i * 7919) % 1000) / 10)
    const chunk = await session.run(vectors, rows)
    for (const size of [1, 2, 7])
      for (let row = 0; row + size <= 60; row += size)
        assert.deepEqual(
          [...(await session.run(vectors.subarray(row * session.width), size))],
          [...chunk.subarray(row, row + size)],
        )
    await runtime.close()
  },
)

test('few rows are scored while the model thread is busy with many', async () => {
  const model = await workloadModel()
  const session = await runtime.open(model)
  const order: string[] = []
  const many = session.run(new Float32Array(50_000 * session.width), 50_000).then(() => order.push('many'))
  await session.run(new Float32Array(session.width), 1).then(() => order.push('one'))
  await many
  assert.deepEqual(order, ['one', 'many'])
})
