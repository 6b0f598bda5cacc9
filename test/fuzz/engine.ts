import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.js'
import { compileStream } from '../../src/consumers/ground/compiled.js'
import { ensureTopics } from '../../src/consumers/ground/topics.js'
import { scoringFlow } from '../../src/consumers/scoring/scoring.js'
import { openLocalLog } from '../../src/log/local/log.js'
import type { Offset } from '../../src/log/event-log.js'
import { emptyRouting } from '../../src/scorers/routing.js'
import { openLmdbStateStore } from '../../src/state/lmdb/state-store.js'
import { registry, tenants, type Fuzzed } from './records.js'
import { orders } from './stream.js'

const settings = {
  commitIntervalMs: 200,
  commitIntervalMaxMs: 1_000,
  chunkRecords: 500,
  cachedEntities: 2_000,
  seenIds: 10_000,
}

/** A record's place, and what must become of it. */
export interface Appended {
  readonly partition: number
  readonly offset: Offset
  readonly value: Buffer | null
  readonly good?: string
}

/** The engine's scoring flow over a log and a state on disk. */
export async function startEngine() {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-fuzz-'))
  const stream = compileStream(orders)
  const log = await openLocalLog({ directory: join(directory, 'log'), clock: systemClock, ephemeral: true })
  await ensureTopics(log, [stream], undefined)
  const store = await openLmdbStateStore({ directory: join(directory, 'state') })
  const flow = await scoringFlow({
    log,
    groups: log,
    store,
    streams: [stream],
    tenants,
    schemas: registry,
    clock: systemClock,
    routing: () => emptyRouting,
    settings,
    onChunk: () => undefined,
    onRetry: () => undefined,
  })
  flow.failed.catch(() => undefined)
  return {
    stream,
    log,
    /** Rejects when the flow has failed. */
    failed: flow.failed,
    /** Appends records, those of a partition in one batch, and returns their places in the order of the log. */
    async append(records: readonly Fuzzed[]): Promise<readonly Appended[]> {
      const appended: Appended[] = []
      for (let partition = 0; partition < orders.partitions; partition++) {
        const mine = records.filter((one) => one.partition === partition)
        if (mine.length === 0) continue
        const at = { topic: stream.topics.events, partition }
        const first = await log.append(
          at,
          mine.map(({ record }) => record),
        )
        mine.forEach(({ record: { value }, good }, index) =>
          appended.push({ partition, offset: first + index, value, ...(good === undefined ? {} : { good }) }),
        )
      }
      return appended
    },
    async close(): Promise<void> {
      await flow.leave()
      await store.close()
      await log.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export type FuzzedEngine = Awaited<ReturnType<typeof startEngine>>
