import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { compileStream, type CompiledStream } from '../../src/consumers/ground/compiled.js'
import { scoringFlow } from '../../src/consumers/scoring/scoring.js'
import type { ChunkReport, ScoringDependencies } from '../../src/consumers/scoring/partition.js'
import { followStops, gateRules, type Stops } from '../../src/consumers/control/stops.js'
import { ensureTopics } from '../../src/consumers/ground/topics.js'
import { openLmdbStateStore, type LmdbStateStore } from '../../src/state/lmdb/state-store.js'
import type { StateStore } from '../../src/state/state-store.js'
import { partitionOf } from '../../src/base/keys.js'
import { decodeBlock } from '../../src/log/blocks/codec.js'
import { openGate } from '../../src/log/blocks/gate.js'
import { openLocalLog } from '../../src/log/local/log.js'
import type { ConsumerGroups, EventLog, LogRecord } from '../../src/log/event-log.js'
import { readUpTo } from '../../src/log/read-up-to.js'
import { emptyRouting } from '../../src/scorers/routing.js'
import { doors } from '../fixtures/doors.js'

/** One visible result of one offset, as a reader of blocks sees it. */
export interface Seen {
  readonly id: string
  readonly kind: 'prediction' | 'duplicate'
  readonly score: number
  readonly vector: readonly number[]
  readonly late: boolean
}

export type Given = string | Buffer | Readonly<Record<string, unknown>>

export type HarnessLog = EventLog & ConsumerGroups & { sweep?(): Promise<void>; close(): Promise<void> }

/** A log and a state on disk, and scoring flows over them that can be started and stopped. */
export interface EngineHarness {
  readonly stream: CompiledStream
  log: HarnessLog
  store: LmdbStateStore
  /** Appends to the partition of the tenant. Resolves with the offsets. */
  append(events: readonly Given[], timestampMs?: number): Promise<void>
  /** Starts scoring; `stop` leaves the group. */
  score(change?: Partial<ScoringDependencies> & { store?: StateStore }): Promise<Flow>
  /** Visible results by partition and offset, through the gate. */
  seen(stops?: Stops): Promise<Map<string, Seen>>
  deadLetters(): Promise<readonly LogRecord[]>
  /** Every record of a topic's partition. */
  records(topic: string, partition: number): Promise<readonly LogRecord[]>
  loseState(): Promise<void>
  /** Closes the state, does something to its directory, and opens it again; no flow may run. */
  withStateClosed(change: (directory: string) => Promise<void>): Promise<void>
  /** Closes the log, does something to its files, and opens it again; no flow may run. */
  withLogClosed(change: (directory: string) => Promise<void>): Promise<void>
  /** What stands still and what was accepted. */
  stops(): Promise<Stops>
  readonly directory: string
}

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

const ownLog = (directory: string): Promise<HarnessLog> =>
  openLocalLog({ directory: join(directory, 'log'), clock: systemClock, ephemeral: true })

/** Another log than its own may be shared with other harnesses, whose streams then have other names. */
export async function engineHarness(
  openLog: (directory: string) => Promise<HarnessLog> = ownLog,
  name = 'doors',
): Promise<EngineHarness> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-harness-'))
  const stream = compileStream({ ...doors, name, stream: name, topic: name })
  const openReady = async (): Promise<HarnessLog> => {
    const log = await openLog(directory)
    await ensureTopics(log, [stream], undefined)
    return log
  }
  const stateDirectory = join(directory, 'state')
  const flows = new Set<Flow>()
  const opened = new Set<Stops>()
  onTestFinished(async () => {
    for (const flow of flows) await flow.stop()
    for (const stops of opened) await stops.close()
    await harness.store.close()
    await harness.log.close()
    await rm(directory, { recursive: true, force: true })
  })

  const records = async (topic: string, partition: number): Promise<LogRecord[]> => {
    const reader = harness.log.reader({ topic, partition })
    const { first, next } = await harness.log.bounds({ topic, partition })
    const out: LogRecord[] = []
    for await (const read of readUpTo(
      reader,
      first,
      next,
      { records: 1_000, bytes: 1 << 22 },
      new AbortController().signal,
    ))
      out.push(
        ...read.map((record) => ({ ...record, value: record.value === null ? null : Buffer.from(record.value) })),
      )
    await reader.close()
    return out
  }
  const partitions = Array.from({ length: stream.stream.partitions }, (_, i) => i)

  const harness: EngineHarness = {
    stream,
    directory,
    records,
    log: await openReady(),
    store: await openLmdbStateStore({ directory: stateDirectory }),
    async append(events, timestampMs) {
      for (const event of events) {
        const value = Buffer.isBuffer(event)
          ? event
          : Buffer.from(typeof event === 'string' ? event : JSON.stringify(event))
        const tenant = typeof event === 'object' && !Buffer.isBuffer(event) ? String(event['tenant_id']) : 'acme'
        const key = Buffer.from(tenant)
        await harness.log.append(
          { topic: stream.topics.events, partition: partitionOf(key, stream.stream.partitions) },
          [{ key, value, ...(timestampMs === undefined ? {} : { timestampMs }) }],
        )
      }
    },
    async score(change = {}) {
      const chunks: ChunkReport[] = []
      const covered = new Map<number, number>()
      const membership = await scoringFlow({
        log: harness.log,
        groups: harness.log,
        store: harness.store,
        streams: [stream],
        tenants: 'any',
        clock: systemClock,
        routing: () => emptyRouting,
        onRetry: () => undefined,
        settings,
        ...change,
        onChunk(report) {
          chunks.push(report)
          covered.set(report.partition, report.block.last)
          change.onChunk?.(report)
        },
      })
      membership.failed.catch(() => undefined)
      const flow: Flow = {
        chunks,
        failed: membership.failed,
        async caughtUp() {
          const ends = await Promise.all(
            partitions.map((partition) => harness.log.bounds({ topic: stream.topics.events, partition })),
          )
          for (const partition of partitions)
            while ((await reached(partition, change.stops)) < ends[partition]!.next - 1)
              await Promise.race([systemClock.sleep(2), membership.failed])
        },
        async stop() {
          flows.delete(flow)
          await membership.leave()
        },
      }
      flows.add(flow)
      return flow
    },
    async seen(stops) {
      const out = new Map<string, Seen>()
      for (const partition of partitions) {
        const gate = openGate(-1, 0, gateRules(stops, { topic: stream.topics.events, partition }))
        for (const { value } of await records(stream.topics.predictions, partition)) {
          const block = gate.admit(decodeBlock(value!))
          if (block === undefined) continue
          for (let row = 0; row < block.rows; row++) {
            const place = `${partition}/${block.offsets[row]!}`
            if (out.has(place)) throw new Error(`${place} has two visible results`)
            out.set(place, {
              id: block.eventIds[row]!,
              kind: block.kinds[row] === 0 ? 'prediction' : 'duplicate',
              score: block.scores[row]!,
              vector: [...block.vectors.subarray(row * block.width, (row + 1) * block.width)],
              late: (block.flags[row]! & 1) === 1,
            })
          }
        }
      }
      return out
    },
    async deadLetters() {
      return (await Promise.all(partitions.map((partition) => records(stream.topics.deadLetters, partition)))).flat()
    },
    async withLogClosed(change) {
      await harness.log.close()
      await change(join(directory, 'log'))
      harness.log = await openReady()
    },
    async stops() {
      const stops = await followStops({ log: harness.log, clock: systemClock })
      opened.add(stops)
      return stops
    },
    loseState: () => harness.withStateClosed((state) => rm(state, { recursive: true })),
    async withStateClosed(change) {
      await harness.store.close()
      await change(stateDirectory)
      harness.store = await openLmdbStateStore({ directory: stateDirectory })
    },
  }

  /** How far the visible results of a partition reach. */
  async function reached(partition: number, stops: Stops | undefined): Promise<number> {
    const blocks = await records(stream.topics.predictions, partition)
    const gate = openGate(-1, 0, gateRules(stops, { topic: stream.topics.events, partition }))
    for (const { value } of blocks) gate.admit(decodeBlock(value!))
    return gate.covered ?? -1
  }
  return harness
}

const hourMs = 3_600_000
export const monday = Date.UTC(2026, 0, 5)

/** `count` passes of a few badges, seeded by position, a minute apart. */
export const passes = (count: number, from = 0, tenant = 'acme'): Readonly<Record<string, unknown>>[] =>
  Array.from({ length: count }, (_, i) => {
    const n = from + i
    return {
      event_id: `${tenant}-${n}`,
      tenant_id: tenant,
      badge: `b${(n * 7) % 5}`,
      door: n % 9 === 0 ? null : `d${n % 3}`,
      at: monday + n * (hourMs / 60) - (n % 4) * 90_000,
      force: ((n * 37) % 101) / 3,
    }
  })
