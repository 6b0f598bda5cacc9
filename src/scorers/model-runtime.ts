/** The bytes of a model; `id` is their SHA-256 and identifies the session. */
export interface ModelBytes {
  readonly id: string
  readonly bytes: Buffer
  /** Tensor names. Without them the model must have one input, and one output that can be the score. */
  readonly input?: string | undefined
  readonly output?: string | undefined
}

/** A loaded model. Sessions are shared: opening an id twice returns the same session. */
export interface Session {
  readonly id: string
  /** Number of features per row. */
  readonly width: number
  /** The model has trees that do not say where a missing value goes. */
  readonly ignoresMissing?: boolean
  /**
   * What the model answers for `rows` vectors, row-major `rows` x `width` float32; it may be no score in 0..1. The
   * answer for a row is the same, bit for bit, in every batch. Rejects with a ModelRunError when the model
   * fails on the input; waits while a lost runtime restarts.
   */
  run(vectors: Float32Array, rows: number): Promise<Float32Array>
}

/** Loads and runs models off the event loop. */
export interface ModelRuntime {
  /**
   * Throws MODEL_DAMAGED when the bytes are no model, and MODEL_REFUSED when it has no [N, width] float32 input or no
   * output with one score a row.
   */
  open(model: ModelBytes): Promise<Session>
  close(): Promise<void>
}

/** The model failed on this input and would fail again. */
export class ModelRunError extends Error {
  override readonly name = 'ModelRunError'
}
