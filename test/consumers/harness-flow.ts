import { systemClock } from '../../src/base/clock.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { gateRules } from '../../src/consumers/control/accepted.js'
import type { Stops } from '../../src/consumers/control/stops.js'
import type { ChunkReport, ScoringDependencies } from '../../src/consumers/scoring/dependencies.js'
import { scoringFlow } from '../../src/consumers/scoring/scoring.js'
import type { Block } from '../../src/log/blocks/block.js'
import { decodeBlock } from '../../src/log/blocks/codec.js'
import { openGate, type Gate } from '../../src/log/blocks/gate.js'
import type { EventLog, LogRecord } from '../../src/log/event-log.js'
import { readUpTo } from '../../src/log/read-up-to.js'
import { emptyRouting } from '../../src/scorers/routing.js'
import type { StateStore } from '../../src/state/state-store.js'
import type { EngineHarness } from './engine-harness.js'

export interface Flow {
  readonly chunks: readonly ChunkReport[]
  /** Resolves when every record that is in the log now has its result. */
  caughtUp(): Promise<void>
  readonly failed: Promise<never>
  stop(): Promise<void>
}

export const settings = {
  commitIntervalMs: 20,
  commitIntervalMaxMs: 100,
  chunkRecords: 50,
  cachedEntities: 1_000,
  seenIds: 1_000,
}

export type FlowChange = Partial<ScoringDependencies> & { store?: StateStore }

export interface VisibleBlock {
  readonly partition: number
  readonly block: Block
}

export const partitionsOf = ({ stream }: CompiledStream): readonly number[] =>
  Array.from({ length: stream.partitions }, (_, partition) => partition)

export async function recordsOf(log: EventLog, topic: string, partition: number): Promise<readonly LogRecord[]> {
  const reader = log.reader({ topic, partition })
  const { first, next } = await log.bounds({ topic, partition })
  const bound = { records: 1_000, bytes: 1 << 22 }
  const out: LogRecord[] = []
  for await (const read of readUpTo(reader, first, next, bound, new AbortController().signal))
    out.push(...read.map((record) => ({ ...record, value: record.value === null ? null : Buffer.from(record.value) })))
  await reader.close()
  return out
}

export async function startFlow(harness: EngineHarness, change: FlowChange, onStopped: () => void): Promise<Flow> {
  const chunks: ChunkReport[] = []
  const membership = await scoringFlow({
    log: harness.log,
    groups: harness.log,
    store: harness.store,
    streams: [harness.stream],
    tenants: 'any',
    clock: systemClock,
    routing: () => emptyRouting,
    onRetry: () => undefined,
    settings,
    ...change,
    onChunk(report) {
      chunks.push(report)
      change.onChunk?.(report)
    },
  })
  membership.failed.catch(() => undefined)
  return {
    chunks,
    failed: membership.failed,
    async caughtUp() {
      const topic = harness.stream.topics.events
      for (const partition of partitionsOf(harness.stream)) {
        const { next } = await harness.log.bounds({ topic, partition })
        while ((await reached(harness, partition, change.stops)) < next - 1)
          await Promise.race([systemClock.sleep(2), membership.failed])
      }
    },
    async stop() {
      onStopped()
      await membership.leave()
    },
  }
}

const gateOf = ({ stream }: EngineHarness, partition: number, stops: Stops | undefined): Gate =>
  openGate(-1, 0, gateRules(stops, { topic: stream.topics.events, partition }))

/** How far the visible results of a partition reach. */
async function reached(harness: EngineHarness, partition: number, stops: Stops | undefined): Promise<number> {
  const gate = gateOf(harness, partition, stops)
  for (const { value } of await harness.records(harness.stream.topics.predictions, partition))
    gate.admit(decodeBlock(value!))
  return gate.covered ?? -1
}

export async function visibleBlocks(harness: EngineHarness, stops: Stops | undefined): Promise<VisibleBlock[]> {
  const out: VisibleBlock[] = []
  for (const partition of partitionsOf(harness.stream)) {
    const gate = gateOf(harness, partition, stops)
    for (const { value } of await harness.records(harness.stream.topics.predictions, partition)) {
      const block = gate.admit(decodeBlock(value!))
      if (block !== undefined) out.push({ partition, block })
    }
  }
  return out
}
