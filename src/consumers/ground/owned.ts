import type { StatePartition } from '../../state/state-store.js'
import type { TopicPartition } from '../../log/event-log.js'
import type { CompiledStream } from './compiled.js'

/**
 * A partition that one process at a time owns: what it reads, where its results go, and under which name its state is
 * kept. Scoring owns the partitions of event topics; a second owner of the same events names other results and another
 * state.
 */
export interface OwnedPartition {
  readonly input: TopicPartition
  /** Blocks, each naming the input offsets that it covers. */
  readonly results: TopicPartition
  readonly state: StatePartition
  /** Names the meaning of the state. State of another identity is dropped and rebuilt from the log. */
  readonly stateIdentity: string
  /** Of the vectors in its blocks; an owner without vectors has a name of its own here, and a width of 0. */
  readonly fingerprint: string
  readonly width: number
}

/** What scoring owns. */
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
