import { LRUCache } from 'lru-cache'
import { monotonicMs } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { ModelBytes } from '../model-runtime.js'
import { load, oneByOne, together } from './session.js'
import type { Loaded } from './session.js'

/**
 * Runs on this thread that are shorter than waking another thread. They block this thread, so a run may take at most
 * `limits.inlineRunMs`. The time of a row is measured once, when the model is opened.
 */
export interface InlineRuns {
  /** `batches`: a row of this model gets the same score alone and in a batch. */
  open(model: ModelBytes, batches: boolean): Promise<void>
  /** The scores, bit for bit those of the worker; undefined when the run is too long for this thread. */
  run(id: string, vectors: Float32Array, rows: number): Promise<Float32Array> | undefined
  close(): void
}

interface Asked {
  readonly vectors: Float32Array
  readonly rows: number
  readonly resolve: (scores: Promise<Float32Array> | Float32Array) => void
}

interface Kept extends Loaded {
  readonly batches: boolean
  readonly mostRows: number
  asked: Asked[]
}

/**
 * With `gather`, all runs of a model in one turn of the event loop become one run, which partitions that are read at
 * the same time share.
 */
export function createInlineRuns(gather: boolean): InlineRuns {
  const kept = new LRUCache<string, Kept>({
    max: limits.cachedSessions,
    dispose: ({ session }) => void session.release().catch(() => undefined),
  })
  return {
    async open(model, batches) {
      if (kept.has(model.id)) return
      const loaded = { ...(await load(model)), batches }
      const mostRows = Math.floor(limits.inlineRunMs / (await rowMs(loaded)))
      if (mostRows >= 1) kept.set(model.id, { ...loaded, mostRows, asked: [] })
      else await loaded.session.release()
    },
    run(id, vectors, rows) {
      const model = kept.get(id)
      if (model === undefined || rows > model.mostRows) return undefined
      if (!gather) return scores(model, vectors.subarray(0, rows * model.width), rows)
      return new Promise((resolve) => {
        if (model.asked.length === 0) setImmediate(answer, model)
        model.asked.push({ vectors: vectors.subarray(0, rows * model.width), rows, resolve })
      })
    },
    close: () => kept.clear(),
  }
}

const scores = (
  model: Loaded & { readonly batches: boolean },
  vectors: Float32Array,
  rows: number,
): Promise<Float32Array> => (model.batches ? together(model, vectors, rows) : oneByOne(model, vectors, rows))

/** Answers all waiting calls of the model with few runs of at most `mostRows` rows. */
function answer(model: Kept): void {
  const asked = model.asked
  model.asked = []
  for (let first = 0; first < asked.length;) {
    let rows = 0
    let end = first
    while (end < asked.length && (end === first || rows + asked[end]!.rows <= model.mostRows))
      rows += asked[end++]!.rows
    answerTogether(model, asked.slice(first, end), rows)
    first = end
  }
}

function answerTogether(model: Kept, asked: readonly Asked[], rows: number): void {
  if (asked.length === 1) return asked[0]!.resolve(scores(model, asked[0]!.vectors, rows))
  const vectors = new Float32Array(rows * model.width)
  let at = 0
  for (const one of asked) {
    vectors.set(one.vectors, at)
    at += one.vectors.length
  }
  const run = scores(model, vectors, rows)
  let row = 0
  for (const one of asked) {
    const from = row
    row += one.rows
    one.resolve(run.then((all) => all.slice(from, from + one.rows)))
  }
}

/**
 * Time of a row in a small batch, from the shortest of a few runs. Infinity for a model that fails on zeros, so that it
 * never runs on this thread.
 */
async function rowMs(model: Loaded & { readonly batches: boolean }): Promise<number> {
  const rows = 16
  let shortestMs = Infinity
  try {
    for (let i = 0; i < 5; i++) {
      const startMs = monotonicMs()
      await scores(model, new Float32Array(rows * model.width), rows)
      shortestMs = Math.min(shortestMs, monotonicMs() - startMs)
    }
  } catch {
    return Infinity
  }
  return shortestMs / rows
}
