import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock, type Clock } from '../../../src/base/clock.js'
import type { FedStream } from '../../../src/consumers/warehouse/feeds.js'
import type { Stops } from '../../../src/consumers/control/stops.js'
import { openStops } from '../control-harness.js'
import { warehouseFlow, type WarehouseFlow } from '../../../src/consumers/warehouse/warehouse.js'
import type { Block } from '../../../src/log/blocks/block.js'
import { encodeBlock } from '../../../src/log/blocks/codec.js'
import type { NewRecord } from '../../../src/log/event-log.js'
import { openLocalLog, type LocalLog } from '../../../src/log/local/log.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import { topicsOf } from '../../../src/streams/stream.js'
import { block } from '../../log/blocks/blocks.js'

/** A clock whose sleeps are twenty times shorter than asked for. */
const hasty: Clock = {
  nowMs: () => systemClock.nowMs(),
  sleep: (delayMs, signal) => systemClock.sleep(delayMs / 20, signal),
}

/** Record times must lie within the tables' retention. */
export const startMs = Math.floor(systemClock.nowMs() / 1_000) * 1_000 - 3_600_000

/** A block as `block` makes it, of this hour. */
export function recent(epoch: number, after: number, last: number, change: Partial<Block> = {}): Block {
  const made = block(epoch, after, last)
  return {
    ...made,
    recordTimes: made.offsets.map((offset) => startMs + offset),
    eventTimes: made.offsets.map((offset) => startMs + offset - 500),
    ...change,
  }
}

/** A log on disk and flows that bring it into a warehouse. Every harness has a stream of its own. */
export interface WarehouseHarness {
  readonly log: LocalLog
  readonly stream: FedStream
  readonly reports: string[]
  /** Appends blocks to a predictions partition. */
  predict(partition: number, ...blocks: readonly Block[]): Promise<void>
  append(topic: string, ...records: readonly Partial<NewRecord>[]): Promise<void>
  start(change?: Partial<Warehouse>, stops?: Stops): Promise<WarehouseFlow>
  /** Which partitions are stopped, and what was accepted. */
  stops(): Promise<Stops>
  /** Resolves when all that is in the log now is stored. */
  caughtUp(flow: WarehouseFlow): Promise<void>
}

let harnesses = 0

export async function warehouseHarness(warehouse: Warehouse, partitions = 2): Promise<WarehouseHarness> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-harness-'))
  const log = await openLocalLog({ directory, clock: systemClock, ephemeral: true })
  onTestFinished(async () => {
    await log.close()
    await rm(directory, { recursive: true, force: true })
  })
  const name = `stream-${++harnesses}`
  const topics = topicsOf({ topic: name })
  const stream = { stream: { name, key: 'tenant_id', tenant: 'tenant_id' }, topics } as FedStream
  const shared = ['outcomes', 'api-predictions'].map((topic) => ({ topic, partition: 0 }))
  const own = Object.values(topics).flatMap((topic) =>
    Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
  )
  for (const topic of Object.values(topics)) await log.ensure({ topic, partitions })
  await log.ensure({ topic: 'control', partitions: 1 })
  for (const { topic } of shared) await log.ensure({ topic, partitions: 1 })
  const reports: string[] = []
  await warehouse.run('TRUNCATE TABLE progress')
  return {
    log,
    stream,
    reports,
    async predict(partition, ...blocks) {
      await log.append(
        { topic: topics.predictions, partition },
        blocks.map((one) => ({ key: null, value: encodeBlock(one), timestampMs: startMs })),
      )
    },
    async append(topic, ...records) {
      await log.append(
        { topic, partition: 0 },
        records.map((record) => ({ key: null, value: null, timestampMs: startMs, ...record })),
      )
    },
    async stops() {
      const stops = await openStops(log)
      onTestFinished(() => stops.close())
      return stops
    },
    async start(change = {}, stops) {
      const flow = await warehouseFlow({
        log,
        groups: log,
        warehouse: { ...warehouse, ...change },
        streams: [stream],
        clock: hasty,
        rawEvents: true,
        stops,
        report: (message) => reports.push(message),
      })
      onTestFinished(() => flow.leave())
      return flow
    },
    async caughtUp(flow) {
      const until = await Promise.all(
        [...own, ...shared].map(async (at) => ({ ...at, next: (await log.bounds(at)).next })),
      )
      await flow.drained(until)
    },
  }
}
