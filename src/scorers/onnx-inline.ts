import { LRUCache } from 'lru-cache'
import { monotonicMs } from '../clock.js'
import { limits } from '../limits.js'
import type { ModelBytes } from './model-runtime.js'
import { load, oneByOne, together } from './onnx-session.js'
import type { Loaded } from './onnx-session.js'

/**
 * Runs so short that to wake another thread for them would take longer. They block this thread, so a model may only be
 * run here for as long as `limits.inlineRunMs`; how long it takes is measured once, when it is opened.
 */
export interface InlineRuns {
  /** `batches`: a row of this model scores the same alone and in a batch. */
  open(model: ModelBytes, batches: boolean): Promise<void>
  /** The scores, the same to the bit as the worker's; undefined where the run is too long for this thread. */
  run(id: string, vectors: Float32Array, rows: number): Promise<Float32Array> | undefined
  close(): void
}

interface Kept extends Loaded {
  readonly batches: boolean
  readonly mostRows: number
}

export function createInlineRuns(): InlineRuns {
  const kept = new LRUCache<string, Kept>({ max: limits.cachedSessions, dispose: ({ session }) => void session.release().catch(() => undefined) })
  return {
    async open(model, batches) {
      if (kept.has(model.id)) return
      const loaded = await load(model)
      const mostRows = Math.floor(limits.inlineRunMs / (await rowMs(loaded)))
      if (mostRows >= 1) kept.set(model.id, { ...loaded, batches, mostRows })
      else await loaded.session.release()
    },
    run(id, vectors, rows) {
      const model = kept.get(id)
      if (model === undefined || rows > model.mostRows) return undefined
      return model.batches ? together(model, vectors.subarray(0, rows * model.width), rows) : oneByOne(model, vectors, rows)
    },
    close: () => kept.clear(),
  }
}

/** The shortest of a few runs of one row; a model that fails on zeros is none for this thread. */
async function rowMs(model: Loaded): Promise<number> {
  let shortest = Infinity
  try {
    for (let i = 0; i < 5; i++) {
      const startMs = monotonicMs()
      await together(model, new Float32Array(model.width), 1)
      shortest = Math.min(shortest, monotonicMs() - startMs)
    }
  } catch {
    return Infinity
  }
  return shortest
}
