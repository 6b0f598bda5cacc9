import type { Risks } from './risks.js'

/** Scores one file through the whole path, in a directory that is removed afterwards. */
export interface ScoreFileOptions {
  readonly stream: string
  /** Lines of NDJSON, one event each, with their numbers in the file. */
  readonly lines: AsyncIterable<{ readonly number: number; readonly bytes: Buffer }>
  /** Takes predictions as NDJSON, one per line, in the order of the events; resolves when it can take more. */
  readonly write: (text: string) => Promise<void>
  /** Files or directories with the user's own streams. */
  readonly streams: readonly string[]
  /** An ONNX file that scores instead of the stream's own model. */
  readonly model?: string
  /** Directory of the model families; the package's own where it is absent. */
  readonly modelsDirectory?: string
  /** Adds the vector by feature name to every prediction. */
  readonly features: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (eventsDone: number) => void
}

export interface ScoreSummary {
  readonly stream: string
  readonly version: string
  /** Lines read; every one became a prediction, a duplicate or a dead letter. */
  readonly events: number
  readonly predictions: number
  readonly duplicates: number
  readonly deadLetters: number
  /** Number of dead letters by error code, and the first few of them. */
  readonly deadLetterReasons: Readonly<Record<string, number>>
  readonly firstDeadLetters: readonly { readonly line: number; readonly code: string; readonly message: string }[]
  readonly late: number
  readonly risks: Risks
  readonly scoreSum: number
  readonly elapsedMs: number
  readonly eventsPerSecond: number
}
