import { blobVersion } from '../../features/memory/blob.js'
import type { Plan } from '../../features/plan/plan.js'
import { compile } from '../../features/plan/compile.js'
import type { ScoredStream } from '../../scorers/score.js'
import { eventCodec, type EventCodec } from '../../streams/codec/codec.js'
import { topicsOf, type Stream } from '../../streams/stream.js'

/** A stream with everything that is derived from it once: its plan, codec and topics. */
export interface CompiledStream {
  readonly stream: Stream
  readonly plan: Plan
  readonly codec: EventCodec
  readonly topics: ReturnType<typeof topicsOf>
  readonly scored: ScoredStream
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
    stateIdentity: `${plan.fingerprint}/${String(stream.partitions)}/${String(blobVersion)}`,
  }
}
