import type { Config } from '../config/load.js'
import type { RebuildingPartition } from './partitions.js'
import type { Risks } from './risks.js'

export interface EngineOptions {
  /** Takes log lines, one JSON object each. */
  readonly log?: { write(line: string): void }
  /** Called with every chunk when its predictions are durable; benchmarks measure with it. */
  readonly onScored?: (chunk: ScoredChunk) => void
  /** Ends the wait for servers that are unreachable at the start; the start then fails with the last reason. */
  readonly signal?: AbortSignal
}

/** Events whose predictions became durable together. */
export interface ScoredChunk {
  readonly stream: string
  readonly records: number
  readonly block: { readonly eventIds: readonly string[] }
}

/** Starts an engine: resolves when the API answers; rejects after closing everything that it opened. */
export type StartEngine = (config: Config, options?: EngineOptions) => Promise<Engine>

/** A running engine, seen from outside. `startEngine(config)` resolves with it once the API is ready. */
export interface Engine {
  /** Where the API answers, without a trailing slash. */
  readonly url: string
  /** A key with every right in the demo's tenants; present only when the demo is on. */
  readonly demoKey?: string
  /** Totals so far and rates of the last seconds; cheap enough to call every second. */
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
  /** False while ClickHouse does not take inserts; scoring continues. */
  readonly warehouseUp: boolean
  /** Partitions of this process that fold events again. */
  readonly rebuilds: readonly RebuildingPartition[]
  /** Stopped partitions of any process, one text each. */
  readonly stops: readonly string[]
}

/** Counts are since the engine's start. */
export interface StreamSnapshot {
  readonly name: string
  /** Over the last seconds. */
  readonly eventsPerSecond: number
  /** From the append of an event to its durable prediction, over the last seconds; undefined when idle. */
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
