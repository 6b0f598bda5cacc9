import { EngineError } from '../errors.js'
import type { EventLog } from '../log/event-log.js'
import type { CompiledStream } from './compiled.js'
import { controlTopic } from './control.js'
import { outcomesTopic } from './ingest.js'
import { apiPredictionsTopic } from './prediction-log.js'
import { modelsTopic } from './model-topic.js'

const dayMs = 24 * 60 * 60 * 1_000

/** How long what people decided and found out is kept in the log: the warehouse has it for longer. */
const outcomesRetentionMs = 365 * dayMs

/**
 * Creates the topics of the streams and the engine's own. Throws BAD_CONFIG when a retention is shorter than what the
 * features of a stream look back: its state could then not be rebuilt.
 */
export async function ensureTopics(log: EventLog, streams: readonly CompiledStream[], retentionMs: number | undefined): Promise<void> {
  const tooShort = streams.filter((one) => (retentionMs ?? one.stream.retentionMs) < neededMs(one))
  if (tooShort.length > 0)
    throw new EngineError('BAD_CONFIG', `the log keeps too little to rebuild state: ${tooShort.map((one) => `stream ${one.stream.name} needs ${Math.ceil(neededMs(one) / dayMs)} days`).join(', ')}; raise log.retentionDays`)
  for (const { stream, topics } of streams) {
    const spec = { partitions: stream.partitions, retentionMs: retentionMs ?? stream.retentionMs }
    for (const topic of [topics.events, topics.predictions, topics.deadLetters]) await log.ensure({ topic, ...spec })
  }
  await log.ensure({ topic: controlTopic.topic, partitions: 1 })
  await log.ensure({ topic: modelsTopic.topic, partitions: 1, isCompacted: true })
  await log.ensure({ topic: outcomesTopic, partitions: 1, retentionMs: outcomesRetentionMs })
  await log.ensure({ topic: apiPredictionsTopic.topic, partitions: 1, retentionMs: retentionMs ?? 35 * dayMs })
}

const neededMs = ({ stream, plan }: CompiledStream): number => plan.horizonMs + stream.latenessMs
