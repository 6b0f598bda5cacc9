// The thread that runs ONNX sessions: `run` of the binding is synchronous, so more than a few rows would block the
// event loop. Plain JavaScript, because a worker needs a file that is the same before and after the build.
import { parentPort } from 'node:worker_threads'
import { load, oneByOne, together } from './session.js'
import { Refused } from './tensors.js'

/** @typedef {import('./session.js').Loaded & { batches: boolean, usedAt: number }} Kept */

/** @type {Map<string, Kept>} */
const kept = new Map()
let uses = 0

/**
 * Whether a row gets the same score, bit for bit, alone and in batches of many sizes. Some graphs (isolation forests)
 * reduce in another order in batches. They run row by row; otherwise a replay would not reproduce the served scores.
 * @param {import('./session.js').Loaded} model
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
    // The model fails on some inputs: row by row, a failing row does not affect the others.
    return false
  }
}

/** @param {import('./session.js').Loaded} model @param {Float32Array} vectors @param {number} rows */
async function agrees(model, vectors, rows) {
  const alone = await oneByOne(model, vectors, rows)
  for (const size of [2, 7, 16, 31, 64, 257]) {
    for (let from = 0; from < rows; from += size) {
      const to = Math.min(from + size, rows)
      const batch = await together(model, vectors.slice(from * model.width, to * model.width), to - from)
      for (let i = from; i < to; i++) if (!Object.is(alone[i], batch[i - from])) return false
    }
  }
  return true
}

/** @param {{ id: string, bytes?: Uint8Array, input?: string, output?: string, cached: number }} request */
async function open(request) {
  const known = kept.get(request.id)
  if (known !== undefined) return { width: known.width, batches: known.batches }
  const model = { ...(await load(request)), batches: true, usedAt: uses++ }
  model.batches = !model.single && (await scoresTheSameInBatches(model))
  kept.set(request.id, model)
  await evict(request.cached)
  return { width: model.width, batches: model.batches }
}

/** @param {number} keep */
async function evict(keep) {
  while (kept.size > keep) {
    const [id, model] = [...kept].reduce((oldest, one) => (one[1].usedAt < oldest[1].usedAt ? one : oldest))
    kept.delete(id)
    await model.session.release()
  }
}

/** @param {{ id: string, vectors: Float32Array, rows: number }} request */
async function run(request) {
  const model = kept.get(request.id)
  if (model === undefined) return { unknown: true }
  model.usedAt = uses++
  return {
    scores: model.batches
      ? await together(model, request.vectors, request.rows)
      : await oneByOne(model, request.vectors, request.rows),
  }
}

/** Sessions are not reentrant: one request at a time, in order. */
let last = Promise.resolve()
parentPort?.on('message', (request) => {
  last = last.then(async () => {
    try {
      parentPort?.postMessage({
        call: request.call,
        result: request.kind === 'open' ? await open(request) : await run(request),
      })
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      parentPort?.postMessage({ call: request.call, error: message, refused: error instanceof Refused })
    }
  })
})
