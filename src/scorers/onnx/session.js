// Loads and runs an ONNX session, on the main thread and on the worker's. Plain JavaScript, because a worker needs a
// file that is the same before and after the build.
import ort from 'onnxruntime-node'

/**
 * @typedef {{ session: import('onnxruntime-node').InferenceSession, input: string, output: string, width: number }}
 * Loaded
 */

const options = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: /** @type {const} */ ('sequential'),
  graphOptimizationLevel: /** @type {const} */ ('all'),
}

/**
 * Loads a model. Throws when the bytes are not a model with one float32 input of shape [N, width].
 * @param {{ bytes?: Uint8Array, input?: string | undefined, output?: string | undefined }} model @returns
 *   {Promise<Loaded>}
 */
export async function load(model) {
  const session = await ort.InferenceSession.create(/** @type {Uint8Array} */ (model.bytes), options)
  const input = model.input ?? session.inputNames[0]
  const output = model.output ?? session.outputNames[session.outputNames.length - 1]
  const metadata = session.inputMetadata.find((one) => one.name === input)
  if (
    input === undefined ||
    output === undefined ||
    metadata === undefined ||
    !metadata.isTensor ||
    metadata.type !== 'float32' ||
    metadata.shape.length !== 2
  )
    throw new Error(
      `the model needs one float32 input of shape [N, width]; it has ${JSON.stringify(session.inputMetadata)}`,
    )
  const width = metadata.shape[1]
  if (typeof width !== 'number') throw new Error(`the width of input '${input}' is not fixed`)
  return { session, input, output, width }
}

/**
 * Scores `rows` vectors in one run. A score is the last column of the output, so that both [N, 2] probabilities and
 * [N, 1] scores work.
 * @param {Loaded} model @param {Float32Array} vectors @param {number} rows
 */
export async function together(model, vectors, rows) {
  const result = await model.session.run({ [model.input]: new ort.Tensor('float32', vectors, [rows, model.width]) }, [
    model.output,
  ])
  const tensor = /** @type {import('onnxruntime-node').Tensor} */ (result[model.output])
  const data = /** @type {Float32Array} */ (tensor.data)
  const columns = data.length / rows
  if (columns === 1) return Float32Array.from(data)
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
