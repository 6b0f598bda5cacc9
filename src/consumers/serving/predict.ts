import type { Predicted, PredictResult } from '../../contracts/scoring.js'
import type { Clock } from '../../base/clock.js'
import { isEngineError, type EngineError } from '../../base/errors.js'
import type { Event } from '../../features/feature.js'
import type { StateStore } from '../../state/state-store.js'
import { limits } from '../../base/limits.js'
import { buildBlock, eventColumns } from '../../log/blocks/build.js'
import { scoredBy, type Block } from '../../log/blocks/block.js'
import { riskLevels } from '../../contracts/risks.js'
import { encodeBlock } from '../../log/blocks/codec.js'
import { reasons } from '../../scorers/reasons.js'
import { refuseHalted, type Routing } from '../../scorers/routing.js'
import { by, hasFailed, heuristicScores, heuristicVersion, riskOf, score, type Scores } from '../../scorers/score.js'
import type { CompiledStream } from '../ground/compiled.js'
import { recordFault } from '../ground/record-fault.js'
import { tenantsAt, type TenantSource } from '../control/tenants.js'
import { eventOf, rejected } from './ingest.js'
import type { PredictionLog } from './prediction-log.js'
import type { Whereabouts } from './whereabouts.js'

export interface PredictOptions {
  readonly predictions: PredictionLog
  readonly store: StateStore
  readonly whereabouts: Whereabouts
  readonly routing: () => Routing
  readonly clock: Clock
  /** Those that are known now. */
  readonly tenants: TenantSource
}

/** One event of a request. */
interface Asked {
  readonly index: number
  readonly event: Event
  late: boolean
  /** Why it cannot be folded. */
  fault: EngineError | undefined
  split: boolean
}

/**
 * Scores each event as if it came next, from the committed state, and changes no state. With `durable` it answers when
 * the predictions are durable.
 */
export async function predict(
  stream: CompiledStream,
  events: readonly unknown[],
  options: PredictOptions,
  durable = false,
): Promise<readonly PredictResult[]> {
  const results = new Array<PredictResult>(events.length)
  const asked: Asked[] = []
  const checks = { clock: options.clock, tenants: tenantsAt(options.tenants, Infinity) }
  events.forEach((given, index) => {
    const event = eventOf(stream, given, checks)
    if (isEngineError(event)) results[index] = rejected(given, stream, event)
    else asked.push({ index, event, late: false, fault: undefined, split: false })
  })
  const folded = await foldedOf(stream, asked, options)
  for (const { index, fault } of asked) if (fault !== undefined) results[index] = rejected(events[index], stream, fault)
  const { good, vectors } = folded
  if (good.length === 0) return results
  const tenants = good.map(({ event }) => event[stream.stream.tenant] as string)
  const routing = options.routing()
  refuseHalted(routing.halted, stream.stream.model)
  const scores = await inTime(stream, routing, tenants, vectors, options.clock)
  const why = await reasonsOf(stream, routing, tenants, vectors, scores)
  const value = encodeBlock(
    blockOf(stream, good, tenants, vectors, scores, why, routing.position, options.clock.nowMs()),
  )
  await options.predictions.write({ key: Buffer.from(stream.stream.name), value }, durable)
  good.forEach((one, row) => (results[one.index] = answer(stream, one, scores, row, why[row]!)))
  return results
}

/** The events that could be folded, with their vectors. */
async function foldedOf(
  stream: CompiledStream,
  asked: readonly Asked[],
  options: Pick<PredictOptions, 'store' | 'whereabouts'>,
): Promise<{ readonly good: readonly Asked[]; readonly vectors: Float32Array }> {
  const { width } = stream.plan
  const vectors = new Float32Array(asked.length * width)
  await vectorsOf(stream, asked, vectors, options)
  const good = asked.filter(({ fault }) => fault === undefined)
  if (good.length === asked.length) return { good, vectors }
  const kept = new Float32Array(good.length * width)
  good.forEach((one, row) => {
    const from = asked.indexOf(one) * width
    kept.set(vectors.subarray(from, from + width), row * width)
  })
  return { good, vectors: kept }
}

/**
 * Folds each event into its own copy of the state, so that events of one request do not see each other. Reads the state
 * of a partition once.
 */
async function vectorsOf(
  stream: CompiledStream,
  asked: readonly Asked[],
  vectors: Float32Array,
  { store, whereabouts }: Pick<PredictOptions, 'store' | 'whereabouts'>,
): Promise<void> {
  const places = await Promise.all(asked.map(({ event }) => whereabouts.ofEvent(stream, event)))
  const partitions = new Map<number, [Asked, number][]>()
  asked.forEach((one, row) => {
    const { partition, isSplit } = places[row]!
    one.split = isSplit
    partitions.set(partition, [...(partitions.get(partition) ?? []), [one, row]])
  })
  await Promise.all(
    [...partitions].map(async ([partition, rows]) => {
      const blobs = new Map<string, Buffer | undefined>()
      const all = rows.map(([one]) => one.event)
      const probe = stream.plan.open(Number.MAX_SAFE_INTEGER, 0)
      for (let keys = probe.missing(all); keys.length > 0; keys = probe.missing(all)) {
        const loaded = await store.load({ stream: stream.stream.name, partition }, keys)
        keys.forEach((key, i) => blobs.set(key, loaded[i]))
        probe.admit(keys, loaded)
      }
      for (const [one, row] of rows) {
        const alone = rows.length === 1 ? probe : stream.plan.open(Number.MAX_SAFE_INTEGER, 0)
        for (let keys = alone.missing([one.event]); keys.length > 0; keys = alone.missing([one.event]))
          alone.admit(
            keys,
            keys.map((key) => blobs.get(key)),
          )
        try {
          one.late = alone.fold(one.event, vectors, row) === 'late'
        } catch (error) {
          one.fault = recordFault(error)
        }
      }
    }),
  )
}

/** The model's scores, or the heuristic's when the model takes longer than `limits.apiScoreTimeoutMs`. */
async function inTime(
  stream: CompiledStream,
  routing: Routing,
  tenants: readonly string[],
  vectors: Float32Array,
  clock: Clock,
): Promise<Scores> {
  const answered = new AbortController()
  const tooLate = clock.sleep(limits.apiScoreTimeoutMs, answered.signal).then(() => undefined)
  try {
    return (
      (await Promise.race([score(stream.scored, routing, tenants, vectors), tooLate])) ??
      heuristicInstead(stream, tenants.length, vectors)
    )
  } finally {
    answered.abort()
  }
}

function heuristicInstead(stream: CompiledStream, rows: number, vectors: Float32Array): Scores {
  const { medium } = stream.scored.risk
  const given = heuristicScores(stream.scored, vectors, rows)
  const values = given.map((value) => (hasFailed(value) ? medium : value))
  return {
    values,
    by: Uint8Array.from(given, (value) => (hasFailed(value) ? by.heuristicError : by.timeout)),
    risks: Uint8Array.from(values, (value) => riskOf(value, stream.scored.risk)),
    versions: [heuristicVersion],
    versionOf: new Uint16Array(rows),
  }
}

/** The reasons of every score that is not low, because callers act on these. */
async function reasonsOf(
  stream: CompiledStream,
  routing: Routing,
  tenants: readonly string[],
  vectors: Float32Array,
  scores: Scores,
): Promise<readonly string[]> {
  const out = new Array<string>(tenants.length).fill('')
  const { width } = stream.plan
  for (let row = 0; row < tenants.length; row++)
    if (scores.risks[row]! > 0)
      out[row] = (
        await reasons(stream.scored, routing, [tenants[row]!], vectors.subarray(row * width, (row + 1) * width))
      )[0]!
  return out
}

function answer(
  stream: CompiledStream,
  { event, late, split }: Asked,
  scores: Scores,
  row: number,
  why: string,
): Predicted {
  const how = scoredBy[scores.by[row]!]!
  return {
    event_id: event[stream.stream.id] as string,
    score: scores.values[row]!,
    risk: riskLevels[scores.risks[row]!]!,
    version: scores.versions[scores.versionOf[row]!]!,
    served_by: how === 'model' ? 'model' : 'heuristic',
    why: how === 'model' ? null : (how.slice('heuristic:'.length) as Exclude<Predicted['why'], null>),
    reasons: why === '' ? [] : why.split(','),
    late,
    ...(split ? { split } : {}),
  }
}

function blockOf(
  { stream, plan }: CompiledStream,
  asked: readonly Asked[],
  tenants: readonly string[],
  vectors: Float32Array,
  scores: Scores,
  reasons: readonly string[],
  control: number,
  nowMs: number,
): Block {
  const columns = { ...eventColumns(asked.length, 0), vectors }
  asked.forEach(({ event, late }, row) => {
    columns.offsets[row] = row
    columns.recordTimes[row] = nowMs
    columns.eventTimes[row] = event[stream.time] as number
    columns.eventIds[row] = event[stream.id] as string
    columns.tenants[row] = tenants[row]!
    columns.entities[row] = plan.subject(event)
    columns.flags[row] = late ? 1 : 0
  })
  const frame = { after: -1, last: -1, epoch: 0, control, fingerprint: plan.fingerprint, width: plan.width }
  return buildBlock(frame, columns, { ...scores, scores: scores.values, reasons })
}
