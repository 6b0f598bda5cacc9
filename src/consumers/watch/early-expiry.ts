import { Counter, type Registry } from 'prom-client'
import type { Clock } from '../../base/clock.js'
import type { ReadinessCheck } from '../../contracts/checks.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { ChunkReport } from '../scoring/dependencies.js'

/** Records whose own timestamp lets the log delete them earlier than its retention promises. */
export interface EarlyExpiry {
  onChunk(report: Pick<ChunkReport, 'stream' | 'block' | 'chunk'>): void
  /** Asks for attention while there was such a record within the last hour. */
  check(): ReadinessCheck
}

const lately = 60 * 60 * 1_000

interface Found {
  records: number
  /** Of the record that came last. */
  timestamp: number
  atMs: number
}

/** The log deletes a record when its producer's timestamp is older than the retention of the topic. */
export function watchEarlyExpiry(
  streams: readonly CompiledStream[],
  retentionMs: number | undefined,
  registry: Registry,
  clock: Clock,
): EarlyExpiry {
  const kept = new Map(streams.map(({ stream }) => [stream.name, retentionMs ?? stream.retentionMs]))
  const found = new Map<string, Found>()
  const counter = new Counter({
    name: 'tidemill_early_expiry_records_total',
    help: 'Records whose timestamp is older than the retention of their topic: the log deletes them too early.',
    labelNames: ['stream'],
    registers: [registry],
  })
  for (const stream of kept.keys()) counter.inc({ stream }, 0)

  return {
    onChunk({ stream, block, chunk }) {
      const nowMs = clock.nowMs()
      const oldestMs = nowMs - (kept.get(stream) ?? Infinity)
      let records = 0
      let timestamp = 0
      const look = (one: number): void => {
        if (one >= oldestMs) return
        records++
        timestamp = one
      }
      for (let row = 0; row < block.rows; row++) look(block.recordTimes[row]!)
      for (const { record } of chunk.dead) look(record.timestampMs)
      if (records === 0) return
      counter.inc({ stream }, records)
      found.set(stream, { records: (found.get(stream)?.records ?? 0) + records, timestamp, atMs: nowMs })
    },
    check() {
      const recent = [...found].filter(([, { atMs }]) => atMs > clock.nowMs() - lately)
      return {
        check: 'retention',
        ok: true,
        detail:
          recent.map(([stream, of]) => textOf(stream, of)).join('; ') || 'no record is older than its topic keeps',
        ...(recent.length === 0 ? {} : { attention: true }),
      }
    },
  }
}

const textOf = (stream: string, { records, timestamp }: Found): string =>
  `the log deletes ${records} records of ${stream} too early, because their producer wrote an old timestamp (the ` +
  `last is ${timestamp}); set message.timestamp.type=LogAppendTime on the topic, or correct the producer`
