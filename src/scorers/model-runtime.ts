/** A model as its bytes; `id` is their SHA-256 and names the session. */
export interface ModelBytes {
  readonly id: string
  readonly bytes: Buffer
  /** Tensor names; the runtime takes the first input and the last output where they are absent. */
  readonly input?: string | undefined
  readonly output?: string | undefined
}

/** One loaded model. Sessions are shared: opening the same id twice gives the same one. */
export interface Session {
  readonly id: string
  /** Features of a row. */
  readonly width: number
  /**
   * Scores in 0..1 of `rows` vectors, row-major `rows` x `width` float32. A row scores the same to the bit whatever it
   * is batched with. Rejects with a ModelRunError when the input cannot be scored; waits out a lost runtime.
   */
  run(vectors: Float32Array, rows: number): Promise<Float32Array>
}

/** Loads and runs models off the event loop. */
export interface ModelRuntime {
  /** Throws MODEL_DAMAGED when the bytes are no model with one [N, width] float32 input and a usable output. */
  open(model: ModelBytes): Promise<Session>
  close(): Promise<void>
}

/** The model ran and failed on this input; it would fail again. */
export class ModelRunError extends Error {
  override readonly name = 'ModelRunError'
}
