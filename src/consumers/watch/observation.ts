import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Clock } from '../../base/clock.js'
import type { StreamSnapshot } from '../../contracts/engine.js'
import { codesOf } from '../../base/errors.js'
import { recordTimeOf } from '../../base/record-time.js'
import { scoredBy } from '../../log/blocks/block.js'
import { riskLevels } from '../../contracts/risks.js'
import type { CompiledStream } from '../ground/compiled.js'
import { causes } from '../ground/misplaced.js'
import { createRecent, type Recent } from './recent.js'
import type { ChunkReport } from '../scoring/dependencies.js'

/** Counts the results of the scoring flow, for `/metrics` and for snapshots of the engine. */
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
  const measures = measuresIn(registry)
  const tallies = new Map<string, Tally>()
  for (const stream of streams) {
    startAtZero(measures, stream.stream.name)
    tallies.set(stream.stream.name, {
      events: 0,
      duplicates: 0,
      deadLetters: 0,
      risks: [0, 0, 0],
      version: initialVersion(stream),
      recent: createRecent(),
    })
  }
  return {
    onChunk(report) {
      const tally = tallies.get(report.stream)!
      countRecords(measures, report, tally)
      countPredictions(measures, report, tally)
      observeLatency(measures, report, tally)
    },
    onRetry: (partition) => measures.retries.inc({ partition }),
    streams: () =>
      [...tallies].map(([name, { risks, recent, ...tally }]) => ({
        name,
        ...tally,
        risks: { low: risks[0], medium: risks[1], high: risks[2] },
        ...recent.read(clock.nowMs()),
      })),
  }
}

/** A label has at most this many values. */
const namedProducers = 20

/** The name of a producer, or `other` when too many have been named. */
function boundedName(named: Set<string>, producer: string): string {
  if (named.size < namedProducers) named.add(producer)
  return named.has(producer) ? producer : 'other'
}

type Measures = ReturnType<typeof measuresIn>

function measuresIn(registry: Registry) {
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames, registers })
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames, registers })
  return {
    /** The producers that are values of a label. */
    producers: new Set(['unknown']),
    events: counter('tidemill_events_total', 'Records of event topics that have their result.', ['stream']),
    predictions: counter('tidemill_predictions_total', 'Predictions of the log path.', [
      'stream',
      'risk',
      'by',
      'version',
    ]),
    duplicates: counter('tidemill_duplicates_total', 'Events whose id was seen before within the horizon.', ['stream']),
    late: counter('tidemill_late_events_total', 'Events scored but not folded, being older than the lateness allows.', [
      'stream',
    ]),
    tombstones: counter(
      'tidemill_tombstones_total',
      'Records without a value. They are skipped: they are no events and no dead letters.',
      ['stream'],
    ),
    ahead: counter(
      'tidemill_clock_ahead_events_total',
      'Events of sources whose clock was ahead of their tenant; other events contradicted them.',
      ['stream'],
    ),
    deadLetters: counter('tidemill_dead_letters_total', 'Dead letters, by error code.', ['stream', 'code']),
    retries: counter('tidemill_retries_total', 'Attempts that failed and were repeated, by partition.', ['partition']),
    latency: new Histogram({
      name: 'tidemill_prediction_latency_seconds',
      help: 'From the append of an event to its durable prediction.',
      labelNames: ['stream'],
      buckets: latencyBuckets,
      registers,
    }),
    misplaced: counter(
      'tidemill_misplaced_events_total',
      'Events in another partition than murmur2 of their key gives, by what chose it and by what the headers name.',
      ['stream', 'cause', 'producer'],
    ),
    scoredOffset: gauge('tidemill_scored_offset', 'The last offset that has its result.', ['stream', 'partition']),
    badShare: gauge(
      'tidemill_bad_share',
      'Share of bad records among the last records of a partition, 0..1; above scoring.badShare the partition stops.',
      ['stream', 'partition'],
    ),
  }
}

/** Prometheus sees no increase in a counter that appears with its first count, so all counters exist from the start. */
function startAtZero(
  { events, duplicates, late, ahead, tombstones, misplaced, latency, deadLetters }: Measures,
  stream: string,
): void {
  for (const counter of [events, duplicates, late, ahead, tombstones]) counter.inc({ stream }, 0)
  for (const cause of causes) misplaced.inc({ stream, cause, producer: 'unknown' }, 0)
  latency.zero({ stream })
  for (const code of codesOf('dead-letter')) deadLetters.inc({ stream, code }, 0)
}

function countRecords(measures: Measures, report: ChunkReport, tally: Tally): void {
  const { stream, chunk, block, records, badShare } = report
  const partition = String(report.partition)
  tally.events += records
  tally.duplicates += chunk.duplicates
  tally.deadLetters += chunk.dead.length
  measures.events.inc({ stream }, records)
  if (chunk.duplicates > 0) measures.duplicates.inc({ stream }, chunk.duplicates)
  // A record is a row, a dead letter or a tombstone.
  const tombstones = records - chunk.columns.rows - chunk.dead.length
  if (tombstones > 0) measures.tombstones.inc({ stream }, tombstones)
  if (chunk.late > 0) measures.late.inc({ stream }, chunk.late)
  for (const { cause, producer, events } of report.misplaced ?? [])
    measures.misplaced.inc({ stream, cause, producer: boundedName(measures.producers, producer) }, events)
  for (const { events } of chunk.ahead) measures.ahead.inc({ stream }, events)
  for (const { code } of chunk.dead) measures.deadLetters.inc({ stream, code })
  measures.scoredOffset.set({ stream, partition }, block.last)
  measures.badShare.set({ stream, partition }, badShare)
}

/** A block has few distinct (risk, by, version). Counting them first saves a labelled increment per row. */
function countPredictions({ predictions }: Measures, { stream, block }: ChunkReport, tally: Tally): void {
  const counts = new Map<number, number>()
  for (let row = 0; row < block.rows; row++) {
    if (block.kinds[row] !== 0) continue
    tally.risks[block.risks[row]! as 0 | 1 | 2]++
    const key = (block.versionOf[row]! << 5) | (block.by[row]! << 2) | block.risks[row]!
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const [key, count] of counts)
    predictions.inc(
      { stream, risk: riskLevels[key & 3]!, by: scoredBy[(key >> 2) & 7]!, version: block.versions[key >> 5]! },
      count,
    )
  tally.version = block.versions.at(-1) ?? tally.version
}

function observeLatency({ latency }: Measures, { stream, block, appendedAtMs }: ChunkReport, { recent }: Tally): void {
  const observed = latency.labels({ stream })
  for (let row = 0; row < block.rows; row++) {
    const recordMs = recordTimeOf(block.recordTimes[row]!)
    if (recordMs === undefined) continue
    const ms = Math.max(0, appendedAtMs - recordMs)
    observed.observe(ms / 1_000)
    recent.add(appendedAtMs, ms)
  }
}
