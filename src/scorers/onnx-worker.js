// The thread that runs ONNX sessions: `run` of the binding is synchronous, so it must not share the event loop.
// Plain JavaScript, because a worker starts from a file that exists the same before and after the build.
import { parentPort } from 'node:worker_threads'
import ort from 'onnxruntime-node'

/** @typedef {{ session: import('onnxruntime-node').InferenceSession, input: string, output: string, width: number, batches: boolean, usedAt: number }} Loaded */

/** @type {Map<string, Loaded>} */
const loaded = new Map()
let uses = 0

const options = { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: /** @type {const} */ ('sequential'), graphOptimizationLevel: /** @type {const} */ ('all') }

/**
 * Scores of `rows` vectors: the last column of the output, so that both [N, 2] probabilities and [N, 1] scores serve.
 * @param {Loaded} model @param {Float32Array} vectors @param {number} rows
 */
async function scores(model, vectors, rows) {
  const result = await model.session.run({ [model.input]: new ort.Tensor('float32', vectors, [rows, model.width]) }, [model.output])
  const tensor = /** @type {import('onnxruntime-node').Tensor} */ (result[model.output])
  const data = /** @type {Float32Array} */ (tensor.data)
  const columns = data.length / rows
  if (columns === 1) return Float32Array.from(data)
  const out = new Float32Array(rows)
  for (let row = 0; row < rows; row++) out[row] = /** @type {number} */ (data[row * columns + columns - 1])
  return out
}

/** @param {Loaded} model @param {Float32Array} vectors @param {number} rows */
async function oneByOne(model, vectors, rows) {
  const out = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    const one = await scores(model, vectors.slice(row * model.width, (row + 1) * model.width), 1)
    out[row] = /** @type {number} */ (one[0])
  }
  return out
}

/**
 * Whether a row scores the same to the bit alone and in batches of many sizes. Some graphs reduce in another order when
 * batched (isolation forests do); those run row by row, or a replay would not reproduce what was served.
 * @param {Loaded} model
 */
async function scoresTheSameInBatches(model) {
  const rows = 257
  const vectors = new Float32Array(rows * model.width)
  let seed = 12345
  for (let i = 0; i < vectors.length; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    vectors[i] = ((seed >>> 8) / 0xffffff - 0.3) * 10 ** ((i % 5) - 1)
  }
  try {
    return await agrees(model, vectors, rows)
  } catch {
    // It fails on some inputs: alone, a failing row takes no other with it.
    return false
  }
}

/** @param {Loaded} model @param {Float32Array} vectors @param {number} rows */
async function agrees(model, vectors, rows) {
  const alone = await oneByOne(model, vectors, rows)
  for (const size of [2, 7, 16, 31, 64, 257]) {
    for (let from = 0; from < rows; from += size) {
      const to = Math.min(from + size, rows)
      const batch = await scores(model, vectors.slice(from * model.width, to * model.width), to - from)
      for (let i = from; i < to; i++) if (!Object.is(alone[i], batch[i - from])) return false
    }
  }
  return true
}

/** @param {{ id: string, bytes?: Uint8Array, input?: string, output?: string, cached: number }} request */
async function open(request) {
  const known = loaded.get(request.id)
  if (known !== undefined) return { width: known.width, batches: known.batches }
  const session = await ort.InferenceSession.create(/** @type {Uint8Array} */ (request.bytes), options)
  const input = request.input ?? session.inputNames[0]
  const output = request.output ?? session.outputNames[session.outputNames.length - 1]
  const metadata = session.inputMetadata.find((one) => one.name === input)
  if (input === undefined || output === undefined || metadata === undefined || !metadata.isTensor || metadata.type !== 'float32' || metadata.shape.length !== 2)
    throw new Error(`the model needs one float32 input of shape [N, width]; it has ${JSON.stringify(session.inputMetadata)}`)
  const width = metadata.shape[1]
  if (typeof width !== 'number') throw new Error(`the width of input '${input}' is not fixed`)
  const model = { session, input, output, width, batches: true, usedAt: uses++ }
  model.batches = await scoresTheSameInBatches(model)
  loaded.set(request.id, model)
  await evict(request.cached)
  return { width, batches: model.batches }
}

/** @param {number} keep */
async function evict(keep) {
  while (loaded.size > keep) {
    const [id, model] = [...loaded].reduce((oldest, one) => (one[1].usedAt < oldest[1].usedAt ? one : oldest))
    loaded.delete(id)
    await model.session.release()
  }
}

/** @param {{ id: string, vectors: Float32Array, rows: number }} request */
async function run(request) {
  const model = loaded.get(request.id)
  if (model === undefined) return { unknown: true }
  model.usedAt = uses++
  return { scores: model.batches ? await scores(model, request.vectors, request.rows) : await oneByOne(model, request.vectors, request.rows) }
}

/** Sessions are not reentrant: one request at a time, in order. */
let last = Promise.resolve()
parentPort?.on('message', (request) => {
  last = last.then(async () => {
    try {
      parentPort?.postMessage({ call: request.call, result: request.kind === 'open' ? await open(request) : await run(request) })
    } catch (error) {
      parentPort?.postMessage({ call: request.call, error: error instanceof Error ? error.message : String(error) })
    }
  })
})
