import { blobVersion } from '../../features/memory/blob.js'
import type { Plan } from '../../features/plan/plan.js'
import { compile } from '../../features/plan/compile.js'
import { canBeMissing, type PresentColumns } from '../../features/plan/missing.js'
import type { ScoredStream } from '../../scorers/score.js'
import { eventCodec, type EventCodec } from '../../streams/codec/codec.js'
import { columnsOf } from '../../streams/schema/schema.js'
import { topicsOf, type Stream } from '../../streams/stream.js'

/** A stream with everything that is derived from it once: its plan, codec and topics. */
export interface CompiledStream {
  readonly stream: Stream
  readonly plan: Plan
  readonly codec: EventCodec
  readonly topics: ReturnType<typeof topicsOf>
  readonly scored: ScoredStream
  /** Per feature, whether an event may have none (NaN). */
  readonly canBeMissing: readonly boolean[]
  /** Plan, partitions and layout of blobs of the stored state. State of another identity is rebuilt from the log. */
  readonly stateIdentity: string
}

/** Throws BAD_STREAM naming the stream and each field that is wrong. */
export function compileStream(stream: Stream): CompiledStream {
  const plan = compile(stream)
  const typical = Float32Array.from(plan.names, (name) => stream.typical?.[name] ?? 0)
  return {
    stream,
    plan,
    codec: eventCodec(stream),
    topics: topicsOf(stream),
    scored: {
      name: stream.name,
      model: stream.model,
      featureNames: plan.names,
      heuristic: stream.heuristic,
      risk: stream.risk,
      typical,
    },
    canBeMissing: canBeMissing(stream, presentColumns(stream.schema)),
    stateIdentity: `${plan.fingerprint}/${String(stream.partitions)}/${String(blobVersion)}`,
  }
}

/** Columns that are never null. The engine refuses events whose numbers are not finite. */
function presentColumns(schema: Stream['schema']): PresentColumns {
  const kinds = new Map(columnsOf(schema).flatMap(({ name, kind, nullable }) => (nullable ? [] : [[name, kind]])))
  return {
    number: (column) => ['boolean', 'integer', 'number', 'time'].includes(kinds.get(column) ?? ''),
    text: (column) => ['text', 'enum'].includes(kinds.get(column) ?? ''),
  }
}
