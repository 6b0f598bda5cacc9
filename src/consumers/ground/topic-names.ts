/** The engine's own topics. Those of a stream are named in its definition: `topicsOf` in `streams/stream.ts`. */
import type { TopicPartition } from '../../log/event-log.js'

/** Every decision: which model serves, which partition is stopped, which replay was applied. */
export const controlTopic = { topic: 'control', partition: 0 } as const satisfies TopicPartition

/** Published models in pieces, for processes on other machines. */
export const modelsTopic = { topic: 'models', partition: 0 } as const satisfies TopicPartition

/** What operators did with dead letters. */
export const marksTopic = { topic: 'letter-marks', partition: 0 } as const satisfies TopicPartition

/** Outcomes of predictions, as producers and people report them. One partition. */
export const outcomesTopic = 'outcomes'

/** Predictions that callers of the API asked for, as blocks whose key is the stream. They never change state. */
export const apiPredictionsTopic = { topic: 'api-predictions', partition: 0 } as const satisfies TopicPartition
