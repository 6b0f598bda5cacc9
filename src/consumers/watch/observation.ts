import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Clock } from '../../base/clock.js'
import type { StreamSnapshot } from '../../contracts/engine.js'
import { codesOf } from '../../base/errors.js'
import { scoredBy } from '../../log/blocks/block.js'
import { riskLevels } from '../../contracts/risks.js'
import type { CompiledStream } from '../ground/compiled.js'
import { createRecent, type Recent } from './recent.js'
import type { ChunkReport } from '../scoring/dependencies.js'

/** Counts what the scoring flow reports: for `/metrics`, and for whoever looks at the engine now. */
export interface Observation {
  readonly onChunk: (report: ChunkReport) => void
  readonly onRetry: (what: string) => void
  /** Without the lag, which the log knows. */
  streams(): readonly Omit<StreamSnapshot, 'lagRecords'>[]
}

interface Tally {
  events: number
  duplicates: number
  deadLetters: number
  readonly risks: [low: number, medium: number, high: number]
  version: string
  readonly recent: Recent
}

const latencyBuckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

export function observe(
  streams: readonly CompiledStream[],
  registry: Registry,
  clock: Clock,
  initialVersion: (stream: CompiledStream) => string,
): Observation {
  const registers = [registry]
  const events = new Counter({
    name: 'tidemill_events_total',
    help: 'Records of event topics that have their result.',
    labelNames: ['stream'],
    registers,
  })
  const predictions = new Counter({
    name: 'tidemill_predictions_total',
    help: 'Predictions of the log path.',
    labelNames: ['stream', 'risk', 'by', 'version'],
    registers,
  })
  const duplicates = new Counter({
    name: 'tidemill_duplicates_total',
    help: 'Events whose id was seen before within the horizon.',
    labelNames: ['stream'],
    registers,
  })
  const late = new Counter({
    name: 'tidemill_late_events_total',
    help: 'Events scored but not folded, being older than the lateness allows.',
    labelNames: ['stream'],
    registers,
  })
  const dead = new Counter({
    name: 'tidemill_dead_letters_total',
    help: 'Records set aside, by reason.',
    labelNames: ['stream', 'code'],
    registers,
  })
  const retries = new Counter({
    name: 'tidemill_retries_total',
    help: 'Attempts that failed and were repeated, by partition.',
    labelNames: ['partition'],
    registers,
  })
  const latency = new Histogram({
    name: 'tidemill_prediction_latency_seconds',
    help: 'From the append of an event to its durable prediction.',
    labelNames: ['stream'],
    buckets: latencyBuckets,
    registers,
  })
  const lastOffset = new Gauge({
    name: 'tidemill_scored_offset',
    help: 'The last offset that has its result.',
    labelNames: ['stream', 'partition'],
    registers,
  })
  const badShare = new Gauge({
    name: 'tidemill_bad_share',
    help: 'Bad ones among the last records of a partition, 0..1; above scoring.badShare it stops.',
    labelNames: ['stream', 'partition'],
    registers,
  })

  // Present from the start: of a counter that appears with its first count, Prometheus sees no rise.
  for (const {
    stream: { name: stream },
  } of streams) {
    for (const counter of [events, duplicates, late]) counter.inc({ stream }, 0)
    latency.zero({ stream })
    for (const code of codesOf('dead-letter')) dead.inc({ stream, code }, 0)
  }

  const tallies = new Map(
    streams.map((stream) => [
      stream.stream.name,
      {
        events: 0,
        duplicates: 0,
        deadLetters: 0,
        risks: [0, 0, 0],
        version: initialVersion(stream),
        recent: createRecent(),
      } satisfies Tally as Tally,
    ]),
  )

  /** Distinct (risk, by, version) of a block are few; counting them first spares a labelled increment per row. */
  function countPredictions({ stream, block }: ChunkReport, tally: Tally): void {
    const counts = new Map<number, number>()
    for (let row = 0; row < block.rows; row++) {
      if (block.kinds[row] !== 0) continue
      tally.risks[block.risks[row]! as 0 | 1 | 2]++
      const key = (block.versionOf[row]! << 4) | (block.by[row]! << 2) | block.risks[row]!
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    for (const [key, count] of counts)
      predictions.inc(
        { stream, risk: riskLevels[key & 3]!, by: scoredBy[(key >> 2) & 3]!, version: block.versions[key >> 4]! },
        count,
      )
    tally.version = block.versions.at(-1) ?? tally.version
  }

  return {
    onChunk(report) {
      const { stream, chunk, block } = report
      const tally = tallies.get(stream)!
      tally.events += report.records
      tally.duplicates += chunk.duplicates
      tally.deadLetters += chunk.dead.length
      events.inc({ stream }, report.records)
      if (chunk.duplicates > 0) duplicates.inc({ stream }, chunk.duplicates)
      if (chunk.late > 0) late.inc({ stream }, chunk.late)
      for (const { code } of chunk.dead) dead.inc({ stream, code })
      lastOffset.set({ stream, partition: String(report.partition) }, block.last)
      badShare.set({ stream, partition: String(report.partition) }, report.badShare)
      countPredictions(report, tally)
      const observed = latency.labels({ stream })
      for (let row = 0; row < block.rows; row++) {
        const ms = Math.max(0, report.appendedAtMs - block.recordTimes[row]!)
        observed.observe(ms / 1_000)
        tally.recent.add(report.appendedAtMs, ms)
      }
    },
    onRetry: (partition) => retries.inc({ partition }),
    streams: () =>
      [...tallies].map(([name, { risks, recent, ...tally }]) => ({
        name,
        ...tally,
        risks: { low: risks[0], medium: risks[1], high: risks[2] },
        ...recent.read(clock.nowMs()),
      })),
  }
}
