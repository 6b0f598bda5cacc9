import { EngineError } from '../../base/errors.js'
import type { EventLog, TopicSpec } from '../../log/event-log.js'
import type { CompiledStream } from './compiled.js'
import { apiPredictionsTopic, controlTopic, marksTopic, modelsTopic, outcomesTopic } from './topic-names.js'

const dayMs = 24 * 60 * 60 * 1_000

/** The retention of outcomes in the log. The warehouse keeps them for longer. */
const outcomesRetentionMs = 365 * dayMs

/**
 * Every topic that an engine with these streams needs: theirs and its own. Throws BAD_CONFIG when a retention is
 * shorter than the time that the features of a stream cover: its state could then not be rebuilt.
 */
export function topicSpecs(streams: readonly CompiledStream[], retentionMs: number | undefined): readonly TopicSpec[] {
  const tooShort = streams
    .filter((one) => (retentionMs ?? one.stream.retentionMs) < neededMs(one))
    .map((one) => `stream ${one.stream.name} needs ${Math.ceil(neededMs(one) / dayMs)} days`)
  if (tooShort.length > 0)
    throw new EngineError(
      'BAD_CONFIG',
      `the log keeps too little to rebuild state: ${tooShort.join(', ')}; raise log.retentionDays`,
    )
  return [
    ...streams.flatMap(({ stream, topics }) =>
      [topics.events, topics.predictions, topics.deadLetters].map((topic) => ({
        topic,
        partitions: stream.partitions,
        retentionMs: retentionMs ?? stream.retentionMs,
      })),
    ),
    { topic: controlTopic.topic, partitions: 1 },
    { topic: modelsTopic.topic, partitions: 1, isCompacted: true },
    { topic: marksTopic.topic, partitions: 1, retentionMs: marksKeptMs(streams, retentionMs) },
    { topic: outcomesTopic, partitions: 1, retentionMs: outcomesRetentionMs },
    { topic: apiPredictionsTopic.topic, partitions: 1, retentionMs: retentionMs ?? 35 * dayMs },
  ]
}

/** Twice as long as any dead letter, because retention removes whole segments and so keeps records for longer. */
export const marksKeptMs = (streams: readonly CompiledStream[], retentionMs: number | undefined): number =>
  2 * Math.max(dayMs, ...streams.map(({ stream }) => retentionMs ?? stream.retentionMs))

/**
 * Creates the topics that are missing. Errors of `topicSpecs`; TOPIC_MISMATCH if a topic has another number of
 * partitions.
 */
export async function ensureTopics(
  log: EventLog,
  streams: readonly CompiledStream[],
  retentionMs: number | undefined,
): Promise<void> {
  for (const spec of topicSpecs(streams, retentionMs)) await log.ensure(spec)
}

const neededMs = ({ stream, plan }: CompiledStream): number => plan.horizonMs + stream.latenessMs
