import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { partitionOf } from '../../src/base/keys.js'
import type { Stops } from '../../src/consumers/control/stops.js'
import { compileStream, type CompiledStream } from '../../src/consumers/ground/compiled.js'
import { ensureTopics } from '../../src/consumers/ground/topics.js'
import type { Block } from '../../src/log/blocks/block.js'
import type { ConsumerGroups, EventLog, LogRecord } from '../../src/log/event-log.js'
import { openLocalLog } from '../../src/log/local/log.js'
import { openLmdbStateStore, type LmdbStateStore } from '../../src/state/lmdb/state-store.js'
import type { Stream } from '../../src/streams/stream.js'
import { doors } from '../fixtures/doors.js'
import { openStops } from './control-harness.js'
import { partitionsOf, recordsOf, startFlow, visibleBlocks } from './harness-flow.js'
import type { Flow, FlowChange, VisibleBlock } from './harness-flow.js'

export { settings } from './harness-flow.js'

/** One visible result of one offset, as a reader of blocks sees it. */
export interface Seen {
  readonly id: string
  readonly kind: 'prediction' | 'duplicate'
  readonly score: number
  readonly vector: readonly number[]
  readonly late: boolean
}

/** An event, text or bytes; null is a record without a value. */
export type Given = string | Buffer | Readonly<Record<string, unknown>> | null

export type HarnessLog = EventLog & ConsumerGroups & { sweep?(): Promise<void>; close(): Promise<void> }

export interface Place {
  readonly partition: number
  readonly offset: number
}

/** A log and a state on disk, and scoring flows over them that can be started and stopped. */
export interface EngineHarness {
  readonly stream: CompiledStream
  log: HarnessLog
  store: LmdbStateStore
  /** Appends to the partition of the tenant. Resolves with the places. */
  append(events: readonly Given[], timestampMs?: number): Promise<readonly Place[]>
  /** Starts scoring; `stop` leaves the group. */
  score(change?: FlowChange): Promise<Flow>
  /** The visible blocks of all partitions, through the gate. */
  blocks(stops?: Stops): Promise<readonly VisibleBlock[]>
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
  /** Which partitions are stopped, and which stops an operator accepted. */
  stops(): Promise<Stops>
  readonly directory: string
}

const ownLog = (directory: string): Promise<HarnessLog> =>
  openLocalLog({ directory: join(directory, 'log'), clock: systemClock, ephemeral: true })

/** Another log than its own may be shared with other harnesses, whose streams then have other names. */
export async function engineHarness(
  openLog: (directory: string) => Promise<HarnessLog> = ownLog,
  name = 'doors',
  base: Stream = doors,
): Promise<EngineHarness> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-harness-'))
  const stream = compileStream({ ...base, name, stream: name, topic: name })
  const openReady = async (): Promise<HarnessLog> => {
    const log = await openLog(directory)
    await ensureTopics(log, [stream], undefined)
    return log
  }
  const stateDirectory = join(directory, 'state')
  const flows = new Set<Flow>()
  const opened = new Set<{ close(): Promise<void> }>()
  onTestFinished(async () => {
    for (const flow of flows) await flow.stop()
    for (const stops of opened) await stops.close()
    await harness.store.close()
    await harness.log.close()
    await rm(directory, { recursive: true, force: true })
  })

  const harness: EngineHarness = {
    stream,
    directory,
    log: await openReady(),
    store: await openLmdbStateStore({ directory: stateDirectory }),
    records: (topic, partition) => recordsOf(harness.log, topic, partition),
    append: (events, timestampMs) => append(harness, events, timestampMs),
    async score(change = {}) {
      const flow = await startFlow(harness, change, () => flows.delete(flow))
      flows.add(flow)
      return flow
    },
    blocks: (stops) => visibleBlocks(harness, stops),
    async seen(stops) {
      const out = new Map<string, Seen>()
      for (const { partition, block } of await harness.blocks(stops)) addSeen(out, partition, block)
      return out
    },
    async deadLetters() {
      const topic = stream.topics.deadLetters
      return (await Promise.all(partitionsOf(stream).map((partition) => harness.records(topic, partition)))).flat()
    },
    async withLogClosed(change) {
      await harness.log.close()
      await change(join(directory, 'log'))
      harness.log = await openReady()
    },
    async stops() {
      const stops = await openStops(harness.log)
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
  return harness
}

async function append(
  { log, stream }: EngineHarness,
  events: readonly Given[],
  timestampMs: number | undefined,
): Promise<readonly Place[]> {
  const places: Place[] = []
  for (const event of events) {
    const isObject = typeof event === 'object' && event !== null && !Buffer.isBuffer(event)
    const value = typeof event === 'string' ? Buffer.from(event) : isObject ? Buffer.from(JSON.stringify(event)) : event
    const tenant = isObject ? String(event['tenant_id']) : 'acme'
    const key = Buffer.from(tenant)
    const partition = partitionOf(key, stream.stream.partitions)
    const offset = await log.append({ topic: stream.topics.events, partition }, [
      { key, value, ...(timestampMs === undefined ? {} : { timestampMs }) },
    ])
    places.push({ partition, offset })
  }
  return places
}

function addSeen(out: Map<string, Seen>, partition: number, block: Block): void {
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
