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
import { isModelFile, modelOfBacktest, served, type ModelSources } from './model.js'
import { compileStream, type CompiledStream } from '../../ground/compiled.js'
import type { Tenants } from '../../ground/decode.js'
import { readOutcomes } from './outcome-labels.js'
import { replay, type ReplayProgress } from '../replay.js'
import { servedSpans } from '../replay-routing.js'
import { spansOf, type Span, type SpanRange } from '../replay-span.js'
import type { ScoringSettings } from '../../scoring/dependencies.js'
import { gateRulesNow } from '../../control/accepted.js'

/** The log and the state that a run has for itself. */
export interface OwnStores {
  readonly log: EventLog
  readonly store: StateStore
  close(): Promise<void>
}

export interface BacktestParts extends ModelSources {
  readonly directory: BacktestDirectory
  readonly openOwn: (directory: string) => Promise<OwnStores>
  /** The log of a run, to be looked at alone. */
  readonly viewOwn: (directory: string) => Promise<LogView & { close(): Promise<void> }>
  readonly schemas?: SchemaSource | undefined
  readonly tenants: Tenants
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

/** A stream as a backtest scores it: a model file may score one that has no family. */
export const compileForBacktest = (stream: Stream, model: string): CompiledStream =>
  compileStream(isModelFile(model) ? { ...stream, model: stream.model ?? stream.name } : stream)

/**
 * Begins a run: finds what is to be scored, writes it down, and goes on as `continueBacktest`. BAD_REQUEST where there
 * is nothing.
 */
export async function beginBacktest(request: BacktestRequest, parts: BacktestParts): Promise<BacktestRun> {
  const { id, stream: definition, model, fromMs, toMs, warmMs } = request
  const stream = compileForBacktest(definition, model)
  const held = await spansOf(parts.view, stream, { fromMs, toMs, warmMs, seenIds: parts.settings.seenIds })
  const spans = model === served ? await servedSpans(parts.view, stream, held) : held
  if (spans.length === 0)
    throw new EngineError(
      'BAD_REQUEST',
      `topic ${stream.topics.events} holds no ${model === served ? 'scored ' : ''}events in that time; its ` +
        'records are chosen by the time that they came into the log',
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
  // A model that is not there is known before anything is kept.
  await modelOfBacktest(stream, model, spans, parts)
  await parts.directory.write(run)
  return run
}

/**
 * Folds and scores what is left of a run, then compares it with what was served and what came true. Interrupted, it
 * keeps what it has, and goes on from there when it is called again. STATE_MISMATCH where the stream has changed since.
 */
export async function continueBacktest(
  begun: BacktestRun,
  definition: Stream,
  parts: BacktestParts,
  costs?: CostRule,
): Promise<{ readonly run: BacktestRun; readonly report?: BacktestReport }> {
  const { directory, clock } = parts
  const stream = compileForBacktest(definition, begun.model)
  if (stream.plan.fingerprint !== begun.fingerprint)
    throw new EngineError(
      'STATE_MISMATCH',
      `backtest ${begun.id} began with vectors ${begun.fingerprint}, stream ${definition.name} now makes ` +
        `${stream.plan.fingerprint}: begin a new one`,
    )
  const place = directory.of(begun.id)
  const own = await parts.openOwn(place)
  const startedMs = clock.nowMs()
  let records = begun.records
  const onProgress = (progress: ReplayProgress): void => {
    records = progress.done
    parts.onProgress?.(progress)
  }
  const now = (change: Partial<BacktestRun>): BacktestRun => ({
    ...begun,
    records,
    error: null,
    replayMs: begun.replayMs + clock.nowMs() - startedMs,
    ...change,
  })
  try {
    const routing = await modelOfBacktest(stream, begun.model, begun.spans, parts)
    const end = await replay({
      ...parts,
      own: own.log,
      store: own.store,
      stream,
      spans: begun.spans,
      routing,
      onProgress,
    })
    if (end === 'interrupted') return await ended(directory, now({ status: 'interrupted' }))
    const run = now({ status: 'done', finishedMs: clock.nowMs() })
    const labels = await readOutcomes(parts.view, stream.stream, run.asOfMs)
    const comparison = await compareSides(
      { view: own.log, topic: stream.topics.predictions },
      await servedSide(parts.view, stream),
      run.spans,
      labels,
      costs,
    )
    const report: BacktestReport = { run, comparedWith: served, outcomes: labels.outcomes, ...comparison }
    await directory.writeReport(report)
    await directory.write(run)
    return { run, report }
  } catch (error) {
    await directory.write(now({ status: 'failed', error: messageOf(error) }))
    throw error
  } finally {
    await own.close()
    // The results stay; the state that led to them is not needed any more.
    if ((await directory.read(begun.id)).status === 'done')
      await rm(join(place, 'state'), { recursive: true, force: true })
  }
}

async function ended(directory: BacktestDirectory, run: BacktestRun): Promise<{ readonly run: BacktestRun }> {
  await directory.write(run)
  return { run }
}

/**
 * A finished run against another one or, as `other`, what was `served`: over the offsets that both scored. BAD_REQUEST
 * where one of them is not there, is not finished, or they have no offset in common.
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
  const labels = await readOutcomes(view, definition, run.asOfMs)
  const mine = await parts.viewOwn(directory.of(id))
  try {
    const others = theirs === undefined ? undefined : await parts.viewOwn(directory.of(other))
    try {
      const topic = stream.topics.predictions
      return {
        run,
        comparedWith: other,
        outcomes: labels.outcomes,
        ...(await compareSides(
          { view: mine, topic },
          others === undefined ? await servedSide(view, stream) : { view: others, topic },
          spans,
          labels,
          costs,
        )),
      }
    } finally {
      await others?.close()
    }
  } finally {
    await mine.close()
  }
}

/** What was served live. */
async function servedSide(view: LogView, { topics }: CompiledStream): Promise<Side> {
  const rulesOf = await gateRulesNow(view)
  return { view, topic: topics.predictions, rulesOf: (partition) => rulesOf({ topic: topics.events, partition }) }
}

async function finished(directory: BacktestDirectory, id: string): Promise<BacktestRun> {
  const run = await directory.read(id)
  if (run.status !== 'done')
    throw new EngineError(
      'BAD_REQUEST',
      `backtest ${id} is ${run.status}: 'tidemill backtest run --resume ${id}' goes on with it`,
    )
  return run
}

/** Offsets of both. */
const inCommon = (left: readonly Span[], right: readonly Span[]): readonly Span[] =>
  left.flatMap((span) => {
    const same = right.find(({ partition }) => partition === span.partition)
    const [from, to] = [Math.max(span.from, same?.from ?? Infinity), Math.min(span.to, same?.to ?? -1)]
    return from < to ? [{ ...span, from, to }] : []
  })
