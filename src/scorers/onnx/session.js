// Loads and runs an ONNX session, on the main thread and on the worker's. Plain JavaScript, because a worker needs a
// file that is the same before and after the build.
import ort from 'onnxruntime-node'
import { classes, inputOf, outputOf, refusalOf, Refused } from './tensors.js'

/**
 * `single`: the model takes one row at a time.
 * @typedef {{ session: import('onnxruntime-node').InferenceSession, input: string, output: string, width: number,
 * single: boolean }} Loaded
 */

const options = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: /** @type {const} */ ('sequential'),
  graphOptimizationLevel: /** @type {const} */ ('all'),
}

/**
 * Loads a model. Throws `Refused` when it has no float32 input of shape [N, width], or no output with one score a row.
 * @param {{ bytes?: Uint8Array, input?: string | undefined, output?: string | undefined }} model @returns
 *   {Promise<Loaded>}
 */
export async function load(model) {
  const session = await create(/** @type {Uint8Array} */ (model.bytes))
  const input = inputOf(session.inputMetadata, model.input)
  const loaded = { session, ...input, output: outputOf(session.outputMetadata, model.output) }
  await refuseColumns(loaded)
  return loaded
}

/** @param {Uint8Array} bytes */
async function create(bytes) {
  try {
    return await ort.InferenceSession.create(bytes, options)
  } catch (error) {
    throw refusalOf(error instanceof Error ? error.message : String(error)) ?? error
  }
}

/**
 * Refuses an output that is not one score a row, nor the probabilities of two classes. A row on which the model fails
 * proves nothing here.
 * @param {Loaded} model
 */
async function refuseColumns(model) {
  for (const value of [0, 1, -3, 40]) {
    const tensor = await outputFor(model, new Float32Array(model.width).fill(value), 1).catch(() => undefined)
    if (tensor === undefined) continue
    const [first, second] = [Number(tensor.data[0]), Number(tensor.data[1])]
    if (tensor.data.length > 2) throw new Refused(classes(model.output, tensor.data.length))
    if (tensor.data.length === 2 && Math.abs(first + second - 1) > 1e-3)
      throw new Refused(
        `the two columns of output '${model.output}' are no probabilities: they add up to ${first + second}, not 1. ` +
          'Export probabilities instead of margins: without raw_scores in skl2onnx, with the sigmoid or softmax inside',
      )
  }
}

/** @param {Loaded} model @param {Float32Array} vectors @param {number} rows */
async function outputFor(model, vectors, rows) {
  const feeds = { [model.input]: new ort.Tensor('float32', vectors, [rows, model.width]) }
  const result = await model.session.run(feeds, [model.output])
  return /** @type {import('onnxruntime-node').Tensor} */ (result[model.output])
}

/**
 * Scores `rows` vectors in one run. A score is the last column of the output, so that both [N, 2] probabilities and
 * [N, 1] scores work.
 * @param {Loaded} model @param {Float32Array} vectors @param {number} rows
 */
export async function together(model, vectors, rows) {
  const { data } = await outputFor(model, vectors, rows)
  const columns = data.length / rows
  if (columns === 1) return Float32Array.from(/** @type {Float32Array} */ (data))
  if (columns !== 2) throw new Error(`the model gave ${data.length} numbers for ${rows} rows`)
  const out = new Float32Array(rows)
  for (let row = 0; row < rows; row++) out[row] = /** @type {number} */ (data[row * columns + columns - 1])
  return out
}

/** @param {Loaded} model @param {Float32Array} vectors @param {number} rows */
export async function oneByOne(model, vectors, rows) {
  const out = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const one = await together(model, vectors.slice(row * model.width, (row + 1) * model.width), 1)
    out[row] = /** @type {number} */ (one[0])
  }
  return out
}
