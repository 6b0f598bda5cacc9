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
  /** An ONNX file, a version of the stream's family or `heuristic_v1`; else the demo model of the stream. */
  readonly model?: string
  /** Directory of the model families; the package's own, with its demo models, where it is absent. */
  readonly modelsDirectory?: string
  /** Adds the vector by feature name to every prediction. */
  readonly features: boolean
  readonly signal?: AbortSignal
  /** Called with a sentence about the choice of the model. */
  readonly report?: (message: string) => void
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
  /** Rows that the heuristic scored because the model failed, and what it did for one of them. */
  readonly modelErrors?: { readonly rows: number; readonly problem: string }
  readonly risks: Risks
  readonly scoreSum: number
  readonly elapsedMs: number
  readonly eventsPerSecond: number
}
