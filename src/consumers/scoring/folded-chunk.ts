import type { PartitionState } from '../../features/plan/plan.js'
import type { Block } from '../../log/blocks/block.js'
import type { Offset } from '../../log/event-log.js'
import { reasons } from '../../scorers/reasons.js'
import type { Routing } from '../../scorers/routing.js'
import { score, type Scores } from '../../scorers/score.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { RejectedRecord } from '../ground/dead-letter.js'
import type { Decoded } from '../ground/decode.js'

/** A chunk after folding: everything of its block except the scores. */
export interface FoldedChunk {
  readonly after: Offset
  readonly last: Offset
  readonly dead: readonly RejectedRecord[]
  readonly columns: Omit<
    Block,
    'after' | 'last' | 'epoch' | 'control' | 'by' | 'risks' | 'scores' | 'versions' | 'versionOf' | 'reasons'
  >
  readonly duplicates: number
  readonly late: number
}

/** Folds a decoded chunk in offset order, in one synchronous step. Every entity it needs must be in `state`. */
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
  const columns = {
    fingerprint: plan.fingerprint,
    width: plan.width,
    rows,
    offsets: new Float64Array(rows),
    recordTimes: new Float64Array(rows),
    eventTimes: new Float64Array(rows),
    eventIds: new Array<string>(rows),
    tenants: new Array<string>(rows),
    entities: new Array<string>(rows),
    kinds: new Uint8Array(rows),
    flags: new Uint8Array(rows),
    vectors: new Float32Array(rows * plan.width),
  }
  let duplicates = 0
  let late = 0
  for (let row = 0; row < rows; row++) {
    const event = events[row]!
    const record = records[row]!
    const folded = state.fold(event, columns.vectors, row)
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
  return { after, last, dead: dead.map(kept), columns, duplicates, late }
}

/** A chunk outlives the buffers of its records: the reader is asked for the next one while this one is on its way. */
function kept(letter: RejectedRecord): RejectedRecord {
  const { key, value, headers, ...position } = letter.record
  const copy = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))
  return {
    ...letter,
    record: {
      ...position,
      key: copy(key),
      value: copy(value),
      headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes)])),
    },
  }
}

/** Scores a folded chunk: one run per version over the rows that are no duplicates, then the reasons of risky ones. */
export async function scoreChunk(
  stream: CompiledStream,
  routing: Routing,
  chunk: FoldedChunk,
  epoch: number,
): Promise<Block> {
  const { columns } = chunk
  const part = chunk.duplicates === 0 ? columns : withoutDuplicates(columns)
  const scores = await score(stream.scored, routing, part.tenants, part.vectors)
  const why = await reasonsOf(stream, routing, part, scores)
  const frame = {
    ...columns,
    after: chunk.after,
    last: chunk.last,
    epoch,
    control: routing.position,
    versions: scores.versions,
  }
  if (part === columns)
    return {
      ...frame,
      scores: scores.values,
      by: scores.by,
      risks: scores.risks,
      versionOf: scores.versionOf,
      reasons: why,
    }
  return { ...frame, ...spread(columns, scores, why) }
}

type Part = Pick<FoldedChunk['columns'], 'tenants' | 'vectors' | 'width'>

function withoutDuplicates(columns: FoldedChunk['columns']): Part {
  const { kinds, tenants, vectors, width } = columns
  const kept = tenants.flatMap((_, row) => (kinds[row] === 0 ? [row] : []))
  const compact = new Float32Array(kept.length * width)
  kept.forEach((row, i) => compact.set(vectors.subarray(row * width, (row + 1) * width), i * width))
  return { tenants: kept.map((row) => tenants[row]!), vectors: compact, width }
}

/** Puts scores back beside the duplicates, which have none. */
function spread({ kinds, rows }: FoldedChunk['columns'], scores: Scores, why: readonly string[]) {
  const out = {
    scores: new Float32Array(rows),
    by: new Uint8Array(rows),
    risks: new Uint8Array(rows),
    versionOf: new Uint16Array(rows),
    reasons: new Array<string>(rows).fill(''),
  }
  let next = 0
  for (let row = 0; row < rows; row++) {
    if (kinds[row] !== 0) continue
    out.scores[row] = scores.values[next]!
    out.by[row] = scores.by[next]!
    out.risks[row] = scores.risks[next]!
    out.versionOf[row] = scores.versionOf[next]!
    out.reasons[row] = why[next]!
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
  const { width } = part
  const vectors = new Float32Array(risky.length * width)
  risky.forEach((row, i) => vectors.set(part.vectors.subarray(row * width, (row + 1) * width), i * width))
  const found = await reasons(
    stream.scored,
    routing,
    risky.map((row) => part.tenants[row]!),
    vectors,
  )
  risky.forEach((row, i) => (out[row] = found[i]!))
  return out
}
