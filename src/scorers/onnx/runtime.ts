import { Worker } from 'node:worker_threads'
import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { createInlineRuns } from './inline.js'
import { referencesExternalData } from './file.js'
import { treesIgnoreMissing } from './trees.js'
import { ModelRunError, type ModelBytes, type ModelRuntime } from '../model-runtime.js'

interface Reply {
  readonly call: number
  readonly error?: string
  /** The model was read, and it cannot score. */
  readonly refused?: boolean
  readonly result?: {
    readonly width?: number
    readonly batches?: boolean
    readonly scores?: Float32Array
    readonly unknown?: true
  }
}

/** The end of a call to the worker: a reply, or `lost` when the thread died meanwhile. */
type Outcome = Reply | 'lost'

export interface OnnxRuntimeOptions {
  /** Joins the short runs of one turn of the event loop into one run: less CPU per score, a little more latency. */
  readonly together: boolean
}

type Call = (message: Record<string, unknown>, transfer?: readonly ArrayBuffer[]) => Promise<Outcome>

/** A worker thread that is started again when it dies. */
interface ModelThread {
  /** Resolves with `lost` when the thread dies first, or after `close`. */
  readonly call: Call
  readonly closed: () => boolean
  close(): Promise<void>
}

function startModelThread(): ModelThread {
  const pending = new Map<number, (outcome: Outcome) => void>()
  let calls = 0
  let closed = false
  let worker = start()

  function start(): Worker {
    const thread = new Worker(new URL('./worker.js', import.meta.url))
    thread.unref()
    thread.on('message', (reply: Reply) => {
      const settle = pending.get(reply.call)
      pending.delete(reply.call)
      if (pending.size === 0) thread.unref()
      settle?.(reply)
    })
    thread.on('error', () => undefined)
    thread.on('exit', () => {
      const lost = [...pending.values()]
      pending.clear()
      if (!closed) worker = start()
      for (const settle of lost) settle('lost')
    })
    return thread
  }

  return {
    call: (message, transfer = []) =>
      new Promise((resolve) => {
        if (closed) return resolve('lost')
        const id = calls++
        if (pending.size === 0) worker.ref()
        pending.set(id, resolve)
        worker.postMessage({ call: id, ...message }, [...transfer])
      }),
    closed: () => closed,
    async close() {
      closed = true
      await worker.terminate()
    },
  }
}

/**
 * ONNX Runtime on a thread of its own, and on this thread for runs of a few rows. A crash of the worker thread loses
 * nothing: the calls in flight are sent to a new thread. The number of sessions is bounded; an evicted session is
 * loaded again at its next run.
 */
export function createOnnxRuntime({ together }: OnnxRuntimeOptions = { together: true }): ModelRuntime {
  const inline = createInlineRuns(together)
  const { call, closed, close } = startModelThread()

  async function load(model: ModelBytes): Promise<{ width: number; batches: boolean }> {
    for (let attempt = 0; attempt < 3 && !closed(); attempt++) {
      const outcome = await call({ kind: 'open', cached: limits.cachedSessions, ...model })
      if (outcome === 'lost') continue
      const { width, batches = false } = outcome.result ?? {}
      if (width !== undefined) return { width, batches }
      if (outcome.refused === true) throw new EngineError('MODEL_REFUSED', outcome.error!)
      throw new EngineError(
        'MODEL_DAMAGED',
        `model ${model.id.slice(0, 12)} cannot be loaded: ${outcome.error ?? 'no answer'}`,
      )
    }
    throw new EngineError('MODEL_DAMAGED', `model ${model.id.slice(0, 12)} crashes the runtime when it is loaded`)
  }

  async function run(model: ModelBytes, width: number, vectors: Float32Array, rows: number): Promise<Float32Array> {
    // After a failure here the worker repeats the run; its result is final.
    const scores = await inline.run(model.id, vectors, rows)?.catch(() => undefined)
    if (scores !== undefined) return scores
    for (let attempt = 0; attempt < 3; attempt++) {
      const copy = vectors.slice(0, rows * width)
      const outcome = await call({ kind: 'run', id: model.id, vectors: copy, rows }, [copy.buffer])
      if (outcome !== 'lost' && outcome.result?.scores !== undefined) return outcome.result.scores
      if (outcome !== 'lost' && outcome.error !== undefined) throw new ModelRunError(outcome.error)
      if (closed()) throw new EngineError('STORE_DOWN', 'the model runtime was closed')
      await load(model)
    }
    throw new ModelRunError('the input crashes the runtime')
  }

  return {
    async open(model) {
      if (referencesExternalData(model.bytes))
        throw new EngineError(
          'MODEL_REFUSED',
          `model ${model.id.slice(0, 12)} stores data outside its file. Export it as one file: ` +
            'external_data=False in torch.onnx.export, save_as_external_data=False in onnx.save',
        )
      const { width, batches } = await load(model)
      await inline.open(model, batches)
      const ignoresMissing = treesIgnoreMissing(model.bytes)
      return { id: model.id, width, ignoresMissing, run: (vectors, rows) => run(model, width, vectors, rows) }
    },
    async close() {
      const closing = close()
      inline.close()
      await closing
    },
  }
}
