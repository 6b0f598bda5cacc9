import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.js'
import { EngineError, messageOf } from '../../../base/errors.js'
import type { StateStore } from '../../../state/state-store.js'
import type { CostRule } from '../../../learning/figures/costs.js'
import type { EventLog, LogView } from '../../../log/event-log.js'
import type { SchemaSource } from '../../../streams/codec/schema-source.js'
import type { Stream } from '../../../streams/stream.js'
import { compareSides, type Side } from './compare.js'
import type { BacktestDirectory, BacktestReport, BacktestRun } from './directory.js'
import { modelOfBacktest, served, type ModelSources } from './model.js'
import { isModelFile } from '../../models/model-file.js'
import { compileStream, type CompiledStream } from '../../ground/compiled.js'
import { readOutcomes } from './outcome-labels.js'
import { replay, type ReplayProgress } from '../replay.js'
import { servedSpans } from '../replay-routing.js'
import { spansOf, type Span, type SpanRange } from '../replay-span.js'
import type { ScoringSettings } from '../../scoring/dependencies.js'
import { gateRulesNow } from '../../control/accepted.js'
import type { TenantSource } from '../../control/tenants.js'

/** The log and the state store of one run. */
export interface OwnStores {
  readonly log: EventLog
  readonly store: StateStore
  close(): Promise<void>
}

export interface BacktestParts extends ModelSources {
  readonly directory: BacktestDirectory
  readonly openOwn: (directory: string) => Promise<OwnStores>
  /** Opens the log of a run for reading only. */
  readonly viewOwn: (directory: string) => Promise<LogView & { close(): Promise<void> }>
  readonly schemas?: SchemaSource | undefined
  readonly tenants: TenantSource
  readonly settings: ScoringSettings
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onProgress?: (progress: ReplayProgress) => void
  readonly onRetry?: (what: string, error: unknown) => void
}

export interface BacktestRequest extends Omit<SpanRange, 'seenIds'> {
  readonly id: string
  readonly stream: Stream
  readonly model: string
  readonly costs?: CostRule | undefined
}

/** Compiles a stream for a backtest. A model file may score a stream without a model family. */
export const compileForBacktest = (stream: Stream, model: string): CompiledStream =>
  compileStream(isModelFile(model) ? { ...stream, model: stream.model ?? stream.name } : stream)

/**
 * Begins a run: finds the records to score and writes the run to its directory. `continueBacktest` then does the work.
 * BAD_REQUEST where there is nothing to score; errors of `modelOfBacktest`.
 */
export async function beginBacktest(request: BacktestRequest, parts: BacktestParts): Promise<BacktestRun> {
  const { id, stream: definition, model, fromMs, toMs, warmMs } = request
  const stream = compileForBacktest(definition, model)
  const held = await spansOf(parts.view, stream, { fromMs, toMs, warmMs, seenIds: parts.settings.seenIds })
  const spans = model === served ? await servedSpans(parts.view, stream, held) : held
  if (spans.length === 0)
    throw new EngineError(
      'BAD_REQUEST',
      `topic ${stream.topics.events} holds no ${model === served ? 'scored ' : ''}events in that time; records ` +
        'are chosen by their log time, not by their event time',
    )
  const startedMs = parts.clock.nowMs()
  const run: BacktestRun = {
    id,
    stream: definition.name,
    fingerprint: stream.plan.fingerprint,
    model,
    fromMs: fromMs ?? null,
    toMs: toMs ?? null,
    spans,
    status: 'running',
    startedMs,
    finishedMs: null,
    asOfMs: startedMs,
    replayMs: 0,
    records: 0,
    error: null,
    stored: false,
  }
  // A missing model is an error before anything is written.
  await modelOfBacktest(stream, model, spans, parts)
  await parts.directory.write(run)
  return run
}

/**
 * Folds and scores what is left of a run, then compares the results with the served ones and with the outcomes. When it
 * is interrupted, it keeps its results; call it again to continue. STATE_MISMATCH where the stream has changed since.
 */
export async function continueBacktest(
  begun: BacktestRun,
  definition: Stream,
  parts: BacktestParts,
  costs?: CostRule,
): Promise<{ readonly run: BacktestRun; readonly report?: BacktestReport }> {
  const { directory, clock } = parts
  const stream = compileForBacktest(definition, begun.model)
  assertSameVectors(begun, stream)
  const place = directory.of(begun.id)
  const own = await parts.openOwn(place)
  const startedMs = clock.nowMs()
  let records = begun.records
  const onProgress = (progress: ReplayProgress): void => {
    records = progress.done
    parts.onProgress?.(progress)
  }
  let { modelError } = begun
  const onModelError = (_model: string, _rows: number, problem: string): void => void (modelError ??= problem)
  const now = (change: Partial<BacktestRun>): BacktestRun => ({
    ...begun,
    ...(modelError === undefined ? {} : { modelError }),
    records,
    error: null,
    replayMs: begun.replayMs + clock.nowMs() - startedMs,
    ...change,
  })
  try {
    const routing = await modelOfBacktest(stream, begun.model, begun.spans, { ...parts, onModelError })
    const { log, store } = own
    const end = await replay({ ...parts, own: log, store, stream, spans: begun.spans, routing, onProgress })
    if (end === 'interrupted') {
      const run = now({ status: 'interrupted' })
      await directory.write(run)
      return { run }
    }
    const run = now({ status: 'done', finishedMs: clock.nowMs() })
    const mine = { view: log, topic: stream.topics.predictions }
    const other = await servedSide(parts.view, stream)
    const sides = { run, spans: run.spans, mine, comparedWith: served, other }
    const report = await reportOf(sides, definition, parts.view, costs)
    await directory.writeReport(report)
    await directory.write(run)
    return { run, report }
  } catch (error) {
    await directory.write(now({ status: 'failed', error: messageOf(error) }))
    throw error
  } finally {
    await own.close()
    // The results of a finished run stay; its state is not needed any more.
    if ((await directory.read(begun.id)).status === 'done')
      await rm(join(place, 'state'), { recursive: true, force: true })
  }
}

function assertSameVectors({ id, fingerprint }: BacktestRun, { stream, plan }: CompiledStream): void {
  if (plan.fingerprint !== fingerprint)
    throw new EngineError(
      'STATE_MISMATCH',
      `backtest ${id} began with vectors ${fingerprint}, stream ${stream.name} now makes ${plan.fingerprint}: begin ` +
        'a new one',
    )
}

interface Sides extends Pick<BacktestReport, 'run' | 'comparedWith'> {
  readonly spans: readonly Span[]
  readonly mine: Side
  readonly other: Side
}

/** Compares two sides with each other and with the outcomes. */
async function reportOf(
  { run, spans, mine, comparedWith, other }: Sides,
  definition: Stream,
  view: LogView,
  costs?: CostRule,
): Promise<BacktestReport> {
  const labels = await readOutcomes(view, definition, run.asOfMs)
  const comparison = await compareSides(mine, other, spans, labels, costs)
  return { run, comparedWith, outcomes: labels.outcomes, ...comparison }
}

/**
 * Compares a finished run with `other`: another finished run, or `served`. Covers the offsets that both scored.
 * BAD_REQUEST where a run is missing or not finished, or they have no offset in common.
 */
export async function compareRuns(
  definition: Stream,
  id: string,
  other: string,
  parts: BacktestParts,
  costs?: CostRule,
): Promise<BacktestReport> {
  const { directory, view } = parts
  const [run, theirs] = [await finished(directory, id), other === served ? undefined : await finished(directory, other)]
  if (theirs !== undefined && theirs.stream !== run.stream)
    throw new EngineError('BAD_REQUEST', `${id} is of stream ${run.stream}, ${other} of ${theirs.stream}`)
  const spans = theirs === undefined ? run.spans : inCommon(run.spans, theirs.spans)
  if (spans.length === 0) throw new EngineError('BAD_REQUEST', `${id} and ${other} have no event in common`)
  const stream = compileForBacktest(definition, run.model)
  const mine = await parts.viewOwn(directory.of(id))
  try {
    const others = theirs === undefined ? undefined : await parts.viewOwn(directory.of(other))
    try {
      const topic = stream.topics.predictions
      const sides = {
        run,
        spans,
        mine: { view: mine, topic },
        comparedWith: other,
        other: others === undefined ? await servedSide(view, stream) : { view: others, topic },
      }
      return await reportOf(sides, definition, view, costs)
    } finally {
      await others?.close()
    }
  } finally {
    await mine.close()
  }
}

/** The live results. */
async function servedSide(view: LogView, { topics }: CompiledStream): Promise<Side> {
  const rulesOf = await gateRulesNow(view)
  return { view, topic: topics.predictions, rulesOf: (partition) => rulesOf({ topic: topics.events, partition }) }
}

async function finished(directory: BacktestDirectory, id: string): Promise<BacktestRun> {
  const run = await directory.read(id)
  if (run.status !== 'done')
    throw new EngineError(
      'BAD_REQUEST',
      `backtest ${id} is ${run.status}: 'tidemill backtest run --resume ${id}' continues it`,
    )
  return run
}

/** The offsets that both lists of spans cover. */
const inCommon = (left: readonly Span[], right: readonly Span[]): readonly Span[] =>
  left.flatMap((span) => {
    const same = right.find(({ partition }) => partition === span.partition)
    const [from, to] = [Math.max(span.from, same?.from ?? Infinity), Math.min(span.to, same?.to ?? -1)]
    return from < to ? [{ ...span, from, to }] : []
  })
