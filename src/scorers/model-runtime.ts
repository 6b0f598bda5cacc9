/** The bytes of a model; `id` is their SHA-256 and identifies the session. */
export interface ModelBytes {
  readonly id: string
  readonly bytes: Buffer
  /** Tensor names; the first input and the last output when absent. */
  readonly input?: string | undefined
  readonly output?: string | undefined
}

/** A loaded model. Sessions are shared: opening an id twice returns the same session. */
export interface Session {
  readonly id: string
  /** Number of features per row. */
  readonly width: number
  /**
   * Scores in 0..1 of `rows` vectors, row-major `rows` x `width` float32. The score of a row is the same, bit for bit,
   * in every batch. Rejects with a ModelRunError when the model fails on the input; waits while a lost runtime
   * restarts.
   */
  run(vectors: Float32Array, rows: number): Promise<Float32Array>
}

/** Loads and runs models off the event loop. */
export interface ModelRuntime {
  /** Throws MODEL_DAMAGED when the bytes are not a model with one [N, width] float32 input and a usable output. */
  open(model: ModelBytes): Promise<Session>
  close(): Promise<void>
}

/** The model failed on this input and would fail again. */
export class ModelRunError extends Error {
  override readonly name = 'ModelRunError'
}
