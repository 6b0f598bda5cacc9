import type { StatePartition } from '../../state/state-store.js'
import type { TopicPartition } from '../../log/event-log.js'
import type { CompiledStream } from './compiled.js'

/**
 * A partition that one process at a time owns: its input, the topic of its results, and the name of its state. Scoring
 * owns the partitions of event topics. Another flow that owns the same events has other results and another state.
 */
export interface OwnedPartition {
  readonly input: TopicPartition
  /** Blocks, each naming the input offsets that it covers. */
  readonly results: TopicPartition
  readonly state: StatePartition
  /** The identity of the state. State of another identity is dropped and rebuilt from the log. */
  readonly stateIdentity: string
  /** Of the vectors in its blocks. An owner without vectors has any fixed name here, and a width of 0. */
  readonly fingerprint: string
  readonly width: number
}

/** A partition that scoring owns. */
export const scoredPartition = (
  { stream, plan, topics, stateIdentity }: CompiledStream,
  partition: number,
): OwnedPartition => ({
  input: { topic: topics.events, partition },
  results: { topic: topics.predictions, partition },
  state: { stream: stream.name, partition },
  stateIdentity,
  fingerprint: plan.fingerprint,
  width: plan.width,
})
