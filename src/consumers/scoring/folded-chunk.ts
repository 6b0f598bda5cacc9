import type { Event } from '../../features/feature.js'
import type { ClockAhead, Folded, PartitionState } from '../../features/plan/plan.js'
import type { Block } from '../../log/blocks/block.js'
import { buildBlock, eventColumns, scoreColumns, type EventColumns, type ScoreColumns } from '../../log/blocks/build.js'
import type { LogRecord, Offset } from '../../log/event-log.js'
import { copiedAllHeaders, copiedHeaders } from '../../log/headers.js'
import { reasons as reasonsFor } from '../../scorers/reasons.js'
import { refuseHalted, type Routing } from '../../scorers/routing.js'
import { score, type Scores } from '../../scorers/score.js'
import type { CompiledStream } from '../ground/compiled.js'
import { FoldFault } from '../ground/record-fault.js'
import type { RejectedRecord } from '../ground/rejected.js'
import type { Decoded } from '../ground/decode.js'

/** A chunk after folding: its block without the scores. */
export interface FoldedChunk {
  readonly after: Offset
  readonly last: Offset
  readonly dead: readonly RejectedRecord[]
  readonly columns: EventColumns
  readonly duplicates: number
  readonly late: number
  /** Sources found ahead of their tenants. */
  readonly ahead: readonly ClockAhead[]
}

/**
 * Folds a decoded chunk in offset order, in one synchronous step. Every entity it needs must be in `state`. Throws a
 * FoldFault for a record that cannot be folded; then `state` must not be used any more.
 */
export function foldChunk(
  stream: CompiledStream,
  state: PartitionState,
  { records, events, dead }: Decoded,
  after: Offset,
  last: Offset,
): FoldedChunk {
  const { plan } = stream
  const { id, time, tenant } = stream.stream
  const rows = events.length
  const columns = eventColumns(rows, plan.width)
  let duplicates = 0
  let late = 0
  for (let row = 0; row < rows; row++) {
    const event = events[row]!
    const record = records[row]!
    const folded = foldOne(state, event, record, columns.vectors, row)
    if (folded === 'duplicate') {
      columns.kinds[row] = 1
      duplicates++
    } else if (folded === 'late') {
      columns.flags[row] = 1
      late++
    }
    columns.offsets[row] = record.offset
    columns.recordTimes[row] = record.timestampMs
    columns.eventTimes[row] = event[time] as number
    columns.eventIds[row] = event[id] as string
    columns.tenants[row] = event[tenant] as string
    columns.entities[row] = plan.subject(event)
  }
  return { after, last, dead: dead.map(kept), columns, duplicates, late, ahead: state.takeAhead() }
}

function foldOne(state: PartitionState, event: Event, record: LogRecord, vectors: Float32Array, row: number): Folded {
  try {
    return state.fold(event, vectors, row)
  } catch (error) {
    throw new FoldFault(record, error)
  }
}

/** Copies the bytes: the buffers are overwritten when the next chunk is read, while this one is still scored. */
function kept(rejected: RejectedRecord): RejectedRecord {
  const { key, value, headers, ...position } = rejected.record
  const copy = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))
  return {
    ...rejected,
    record: {
      ...position,
      key: copy(key),
      value: copy(value),
      headers: copiedHeaders(headers),
      ...copiedAllHeaders(rejected.record),
    },
  }
}

/** Scores a folded chunk: one run per version over the rows that are no duplicates, then the reasons of risky rows. */
export async function scoreChunk(
  stream: CompiledStream,
  routing: Routing,
  chunk: FoldedChunk,
  epoch: number,
): Promise<Block> {
  refuseHalted(routing.halted, stream.stream.model)
  const { fingerprint, width } = stream.plan
  const { columns, after, last } = chunk
  const part = chunk.duplicates === 0 ? columns : withoutDuplicates(columns, width)
  const scores = await score(stream.scored, routing, part.tenants, part.vectors)
  const reasons = await reasonsOf(stream, routing, part, scores)
  const frame = { after, last, epoch, control: routing.position, fingerprint, width }
  const scored = { scores: scores.values, ...scores, reasons }
  return buildBlock(frame, columns, part === columns ? scored : besideDuplicates(columns, scored))
}

type Part = Pick<EventColumns, 'tenants' | 'vectors'>

function withoutDuplicates({ kinds, tenants, vectors }: EventColumns, width: number): Part {
  const kept = tenants.flatMap((_, row) => (kinds[row] === 0 ? [row] : []))
  const compact = new Float32Array(kept.length * width)
  kept.forEach((row, i) => compact.set(vectors.subarray(row * width, (row + 1) * width), i * width))
  return { tenants: kept.map((row) => tenants[row]!), vectors: compact }
}

/** Spreads the scores over all rows. Duplicates have no score. */
function besideDuplicates({ kinds, rows }: EventColumns, scored: ScoreColumns): ScoreColumns {
  const out = scoreColumns(rows, scored.versions)
  let next = 0
  for (let row = 0; row < rows; row++) {
    if (kinds[row] !== 0) continue
    out.scores[row] = scored.scores[next]!
    out.by[row] = scored.by[next]!
    out.risks[row] = scored.risks[next]!
    out.versionOf[row] = scored.versionOf[next]!
    out.reasons[row] = scored.reasons[next]!
    next++
  }
  return out
}

async function reasonsOf(
  stream: CompiledStream,
  routing: Routing,
  part: Part,
  scores: Scores,
): Promise<readonly string[]> {
  const out = new Array<string>(part.tenants.length).fill('')
  const from = stream.stream.reasonsFrom
  if (from === 'never') return out
  const least = from === 'high' ? 2 : 1
  const risky = part.tenants.flatMap((_, row) => (scores.risks[row]! >= least ? [row] : []))
  if (risky.length === 0) return out
  const { width } = stream.plan
  const vectors = new Float32Array(risky.length * width)
  risky.forEach((row, i) => vectors.set(part.vectors.subarray(row * width, (row + 1) * width), i * width))
  const found = await reasonsFor(
    stream.scored,
    routing,
    risky.map((row) => part.tenants[row]!),
    vectors,
  )
  risky.forEach((row, i) => (out[row] = found[i]!))
  return out
}
