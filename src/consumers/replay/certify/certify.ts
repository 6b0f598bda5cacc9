import { rm } from 'node:fs/promises'
import { EngineError } from '../../../base/errors.js'
import type { LogView, Offset } from '../../../log/event-log.js'
import type { GateRules } from '../../../log/blocks/gate.js'
import type { Stream } from '../../../streams/stream.js'
import type { BacktestParts } from '../backtest/backtest.js'
import { modelOfBacktest, served } from '../backtest/model.js'
import { alignRows, readBlocks, type RowRef } from '../../ground/block-rows.js'
import type { Certificate, Difference, PartitionCertificate } from './certificate.js'
import { compileStream, type CompiledStream } from '../../ground/compiled.js'
import type { StoredDeadLetter } from '../../ground/dead-letter-record.js'
import { differingDeadLetter, readDeadLetters } from './dead-letters-of-span.js'
import { replay } from '../replay.js'
import { servedSpans } from '../replay-routing.js'
import { spansOf, type Span, type SpanRange } from '../replay-span.js'
import { differingField, shownField } from './result-digest.js'
import { tally, type Tally } from './result-tally.js'
import { gateRulesNow } from '../../control/accepted.js'

export interface CertifyRequest extends Omit<SpanRange, 'seenIds'> {
  readonly stream: Stream
  /** Names the working directory of the replay. It is removed at the end. */
  readonly id: string
  readonly build: string
  readonly cpu: string
}

/**
 * Replays the served events and compares every result: predictions, duplicate notices, late flags and dead letters. The
 * control position in an offset's block names the model that scores it again. Undefined when it was interrupted.
 * BAD_REQUEST where nothing was served in that time; errors of scoring.
 */
export async function certify(request: CertifyRequest, parts: BacktestParts): Promise<Certificate | undefined> {
  const { stream: definition, fromMs, toMs, warmMs, id, build, cpu } = request
  const { view, directory, clock } = parts
  const stream = compileStream(definition)
  const spans = await servedSpans(
    view,
    stream,
    await spansOf(view, stream, { fromMs, toMs, warmMs, seenIds: parts.settings.seenIds }),
  )
  if (spans.length === 0)
    throw new EngineError('BAD_REQUEST', `topic ${stream.topics.events} holds nothing that was served in that time`)
  const routing = await modelOfBacktest(stream, served, spans, parts)
  const own = await parts.openOwn(directory.of(id))
  try {
    if ((await replay({ ...parts, own: own.log, store: own.store, stream, spans, routing })) === 'interrupted')
      return undefined
    const compared = await compareResults(view, own.log, stream, spans)
    return {
      format: 1,
      stream: definition.name,
      fingerprint: stream.plan.fingerprint,
      fromMs: fromMs ?? null,
      toMs: toMs ?? null,
      madeAtMs: clock.nowMs(),
      build,
      cpu,
      ...compared,
    }
  } finally {
    await own.close()
    await rm(directory.of(id), { recursive: true, force: true })
  }
}

type Compared = Pick<Certificate, 'partitions' | 'served' | 'replayed' | 'givenUp' | 'equal' | 'firstDifference'>

/** Digests the results of both sides over the same offsets, and finds the first place where they differ. */
export async function compareResults(
  live: LogView,
  own: LogView,
  stream: CompiledStream,
  spans: readonly Span[],
): Promise<Compared> {
  const [mine, theirs] = [tally(stream.stream.name), tally(stream.stream.name)]
  const partitions: PartitionCertificate[] = []
  const rulesOf = await gateRulesNow(live)
  let first: Difference | undefined
  let givenUp = 0
  for (const span of spans) {
    const rules = rulesOf({ topic: stream.topics.events, partition: span.partition })
    const compared = await compareSpan({ live, own, stream, rules }, span, theirs, mine)
    first ??= compared.difference
    givenUp += compared.givenUp
    partitions.push({ ...span, served: theirs.endSpan(span), replayed: mine.endSpan(span) })
  }
  const [servedResults, replayed] = [theirs.end(), mine.end()]
  return {
    partitions,
    served: servedResults,
    replayed,
    givenUp,
    equal: servedResults.digest === replayed.digest && first === undefined,
    firstDifference: first ?? null,
  }
}

interface Sides {
  readonly live: LogView
  readonly own: LogView
  readonly stream: CompiledStream
  /** Name the served offsets whose loss operators have accepted. */
  readonly rules: GateRules
}

async function compareSpan(
  { live, own, stream: { topics }, rules }: Sides,
  span: Span,
  theirs: Tally,
  mine: Tally,
): Promise<{ readonly difference: Difference | undefined; readonly givenUp: number }> {
  const { partition } = span
  let found: Difference | undefined
  let givenUp = 0
  const deadLetters = { topic: topics.deadLetters, partition }
  const [deadLeft, deadRight] = [
    await readDeadLetters(live, deadLetters, span),
    await readDeadLetters(own, deadLetters, span),
  ]
  const visit = (left: RowRef | undefined, right: RowRef | undefined): void => {
    if (left !== undefined) dropUnfinished(deadLeft, left.block.offsets[left.row]!)
    if (left === undefined && right !== undefined) {
      const offset = right.block.offsets[right.row]!
      if (rules.isLost(offset, offset)) return void givenUp++
    }
    if (left !== undefined) theirs.row(left)
    if (right !== undefined) mine.row(right)
    found ??= rowDifference(partition, left, right)
  }
  const at = { topic: topics.predictions, partition }
  await alignRows(readBlocks(live, at, span, rules), readBlocks(own, at, span), visit)
  for (const one of deadLeft.values()) theirs.deadLetter(one)
  for (const one of deadRight.values()) mine.deadLetter(one)
  const other = differingDeadLetter(partition, deadLeft, deadRight)
  return {
    givenUp,
    difference: other !== undefined && (found === undefined || other.offset < found.offset) ? other : found,
  }
}

/**
 * Drops the dead letter of an offset that was scored. An owner failed after the dead letter and before its block; then
 * the tenant was added, and the next owner scored the event.
 */
function dropUnfinished(deadLetters: Map<Offset, StoredDeadLetter>, scored: Offset): void {
  if (deadLetters.get(scored)?.code === 'UNKNOWN_TENANT') deadLetters.delete(scored)
}

function rowDifference(partition: number, left: RowRef | undefined, right: RowRef | undefined): Difference | undefined {
  if (left === undefined || right === undefined) {
    const { block, row } = (left ?? right)!
    const kind = block.kinds[row] === 0 ? 'a prediction' : 'a duplicate notice'
    return {
      partition,
      offset: block.offsets[row]!,
      field: 'result',
      served: left === undefined ? null : kind,
      replayed: right === undefined ? null : kind,
    }
  }
  const field = differingField(left, right)
  return field === undefined
    ? undefined
    : {
        partition,
        offset: left.block.offsets[left.row]!,
        field,
        served: shownField(left, field),
        replayed: shownField(right, field),
      }
}
