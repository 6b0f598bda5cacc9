import type { Config } from '../config/load.js'

/** Predictions by risk level. */
export interface Risks {
  readonly low: number
  readonly medium: number
  readonly high: number
}

/** Where log lines go, one JSON object each. */
export interface EngineOptions {
  readonly log?: { write(line: string): void }
  /** Told of every chunk when its predictions are durable; measurements listen here. */
  readonly onScored?: (chunk: ScoredChunk) => void
  /** Ends the waiting for servers that are away at the start, which then fails with the last reason. */
  readonly signal?: AbortSignal
}

/** Events whose predictions became durable together. */
export interface ScoredChunk {
  readonly stream: string
  readonly records: number
  readonly block: { readonly eventIds: readonly string[] }
}

/** What the composition root offers: resolves when the API answers; rejects with everything closed again. */
export type StartEngine = (config: Config, options?: EngineOptions) => Promise<Engine>

/** A running engine, seen from outside: what `startEngine(config)` resolves with once its API is ready. */
export interface Engine {
  /** Where the API answers, without a trailing slash. */
  readonly url: string
  /** A key that may do everything in the demo's tenants; there is one only when the demo is on. */
  readonly demoKey?: string
  /** What happened so far and in the last seconds; cheap enough to be asked every second. */
  snapshot(): EngineSnapshot
  /** Rows of a SELECT over the warehouse. */
  query<Row>(sql: string): Promise<Row[]>
  /** Rejects when a part failed for good; never resolves. */
  readonly failed: Promise<never>
  /** Takes no more events, finishes what is in flight, commits and closes. May be called again. */
  stop(): Promise<void>
}

export interface EngineSnapshot {
  readonly uptimeMs: number
  readonly streams: readonly StreamSnapshot[]
  /** Records of all warehouse groups that are not yet in ClickHouse. */
  readonly warehouseLagRecords: number
  /** False while ClickHouse does not take inserts; scoring goes on. */
  readonly warehouseUp: boolean
  /** Partitions that fold events again which have their results already. */
  readonly rebuilds: readonly RebuildSnapshot[]
  /** Partitions of any process that stand still until an operator looks at them, in a line each. */
  readonly stops: readonly string[]
}

export interface RebuildSnapshot {
  readonly stream: string
  readonly partition: number
  /** The state was lost or is of another plan; else what came after the last commit is folded again. */
  readonly isRebuild: boolean
  readonly recordsDone: number
  readonly records: number
  /** Undefined before anything is done. */
  readonly etaMs: number | undefined
}

/** Counts are since the engine's start. */
export interface StreamSnapshot {
  readonly name: string
  /** Over the last seconds. */
  readonly eventsPerSecond: number
  /** Append of an event to its durable prediction, over the last seconds; undefined where nothing was scored. */
  readonly p50Ms: number | undefined
  readonly p95Ms: number | undefined
  /** Records of the event topic that are not yet scored. */
  readonly lagRecords: number
  readonly events: number
  readonly duplicates: number
  readonly deadLetters: number
  readonly risks: Risks
  /** The version that scored last, `heuristic_v1` where no model serves. */
  readonly version: string
}

/** One file through the whole path, in a directory that is removed afterwards. */
export interface ScoreFileOptions {
  readonly stream: string
  /** Lines of NDJSON, one event each, with their numbers in the file. */
  readonly lines: AsyncIterable<{ readonly number: number; readonly text: string }>
  /** Takes predictions as NDJSON, one a line, in the order of the events; resolves when it wants more. */
  readonly write: (text: string) => Promise<void>
  /** Files or directories with streams of the user's. */
  readonly streams: readonly string[]
  /** An ONNX file to score with instead of the stream's own model. */
  readonly model?: string
  /** Where model families lie; the package's own where it is absent. */
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
  /** Why, by error code, and the first few of them. */
  readonly deadLetterReasons: Readonly<Record<string, number>>
  readonly firstDeadLetters: readonly { readonly line: number; readonly code: string; readonly message: string }[]
  readonly late: number
  readonly risks: Risks
  readonly scoreSum: number
  readonly elapsedMs: number
  readonly eventsPerSecond: number
}

/** One thing that `tidemill doctor` looked at. */
export interface Check {
  readonly name: string
  /** `skipped` says in `detail` why it could not be looked at. */
  readonly result: 'ok' | 'failed' | 'skipped'
  readonly detail: string
}
