/** Model files of the usual exports (`make.py`): each is served equal to its trainer, or refused with what mends it. */
import { strict as assert } from 'node:assert'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, test } from 'vitest'
import { scoreOf } from '../../../src/scorers/answer.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { Session } from '../../../src/scorers/model-runtime.js'
import { createOnnxRuntime } from '../../../src/scorers/onnx/runtime.js'
import { probe, type ModelInputs } from '../../../src/scorers/probe.js'

type Rows = readonly (readonly (number | null)[])[]
interface Expected {
  readonly rows: Rows
  readonly missing: Rows
  readonly exports: Readonly<
    Record<string, { readonly scores?: readonly number[]; readonly missing?: readonly number[] }>
  >
}

const folder = new URL('./', import.meta.url)
const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Expected

/** Features 1 and 2 may be missing. */
const inputs: ModelInputs = {
  names: ['a', 'b', 'c', 'd'],
  typical: new Float32Array(4),
  canBeMissing: [false, true, true, false],
  known: [],
}

const margin = /a margin, a regression or an anomaly score, not a probability.*Export probabilities/
const imputation = /NaN where b, c are missing\. Put the imputation into the exported pipeline/
const guess = /do not say where a missing value goes, and b, c can be missing.*Put the imputation/
const zipmap =
  /ZipMap.*options=\{'zipmap': False\} in skl2onnx, zipmap=False in onnxmltools; remove the node of a CatBoost/
const floatInput = /(not float32|for the model's types)\. Export it with FloatTensorType instead of DoubleTensorType/
const dynamicRows = /rows at a time\. Export it with a dynamic first dimension: FloatTensorType\(\[None, width\]\)/

/** `served`, or the sentence that refuses it. docs/models.md has a row for each. */
const table: Readonly<Record<string, 'served' | RegExp>> = {
  'sklearn-logistic-pipeline': 'served',
  'sklearn-logistic-zipmap': zipmap,
  'sklearn-logistic-double-input': floatInput,
  'sklearn-logistic-one-row': 'served',
  'sklearn-logistic-sixteen-rows': dynamicRows,
  'sklearn-logistic-float16': /is float16\. Export it as float32: keep_io_types=True/,
  'sklearn-logistic-labels-only':
    /only labels \('label' int64\)\. Export its probabilities: keep the output of predict_proba/,
  'sklearn-logistic-label-last': 'served',
  'sklearn-logistic-raw-scores': /no probabilities: they add up to 0, not 1\. .*without raw_scores/,
  'sklearn-logistic-no-imputer': imputation,
  'sklearn-logistic-three-classes': /3 columns a row.*Train on two classes/,
  'sklearn-logistic-input-per-column': /4 inputs.*one input for all features: initial_types=/,
  'sklearn-linear-regression': margin,
  'sklearn-random-forest': 'served',
  'sklearn-random-forest-nan': guess,
  'sklearn-random-forest-regressor': 'served',
  'sklearn-gradient-boosting': 'served',
  'sklearn-gradient-boosting-no-imputer': guess,
  'sklearn-gradient-boosting-regressor': margin,
  'sklearn-hist-gradient-boosting': 'served',
  'sklearn-mlp': 'served',
  'sklearn-calibrated': 'served',
  'sklearn-calibrated-svc': 'served',
  'sklearn-isolation-forest': margin,
  'xgboost-classifier': 'served',
  'xgboost-trained-without-missing': 'served',
  'xgboost-labels-only': /only labels .*Export its probabilities/,
  'xgboost-regressor': margin,
  'lightgbm-classifier': 'served',
  'lightgbm-trained-without-missing': 'served',
  'lightgbm-zipmap': zipmap,
  'lightgbm-regressor': margin,
  'catboost-classifier': 'served',
  'catboost-zipmap': zipmap,
  'torch-sigmoid': 'served',
  'torch-dynamo': 'served',
  'torch-sigmoid-flat': 'served',
  'torch-softmax': 'served',
  'torch-sigmoid-one-row': 'served',
  'torch-sigmoid-eight-rows': dynamicRows,
  'torch-sigmoid-double': floatInput,
  'torch-sigmoid-float16': floatInput,
  'torch-logit': margin,
  'torch-sigmoid-no-fill': imputation,
}

describe('the usual exports of models', () => {
  const runtime = createOnnxRuntime()
  afterAll(() => runtime.close())

  async function open(name: string): Promise<Session> {
    const bytes = readFileSync(new URL(`${name}.onnx`, folder))
    const session = await runtime.open({ id: createHash('sha256').update(bytes).digest('hex'), bytes })
    await probe(session, inputs)
    return session
  }

  test('every committed export is in the table', () => {
    const files = readdirSync(folder).flatMap((file) => (file.endsWith('.onnx') ? [file.slice(0, -5)] : []))
    assert.deepEqual(files.sort(), Object.keys(table).sort())
    assert.deepEqual(Object.keys(expected.exports).sort(), files)
    const documented = readFileSync(new URL('../../../docs/models.md', folder), 'utf8')
    for (const name of files) assert.ok(documented.includes(`\`${name}\``), `docs/models.md has no row for ${name}`)
  })

  for (const [name, wanted] of Object.entries(table)) {
    if (wanted === 'served')
      test(`${name} is served with the scores of its trainer`, async () => {
        const { scores, missing } = expected.exports[name]!
        const session = await open(name)
        await assertScores(session, expected.rows, scores!)
        if (missing !== undefined) await assertScores(session, expected.missing, missing)
      })
    else
      test(`${name} is refused with what mends it`, async () => {
        await assert.rejects(open(name), (error) => {
          assert.ok(isEngineError(error, 'MODEL_REFUSED'), String(error))
          assert.match(error.message, wanted)
          return true
        })
      })
  }
})

async function assertScores(session: Session, rows: Rows, wanted: readonly number[]): Promise<void> {
  const vectors = Float32Array.from(rows.flat(), (value) => value ?? Number.NaN)
  const found = Array.from(await session.run(vectors, rows.length), scoreOf)
  const furthest = Math.max(...wanted.map((score, i) => Math.abs(score - found[i]!)))
  assert.ok(furthest < 1e-6, `the scores differ by up to ${furthest}`)
  assert.equal(found.length, wanted.length)
}
