import type { EntityFeatures, ScoringPort } from '../../contracts/scoring.js'
import type { StreamView } from '../../contracts/streams.js'
import { partitionOf } from '../../base/keys.js'
import { championOf, versionOf } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { EventLog } from '../../log/event-log.js'
import { recordFault } from '../ground/record-fault.js'
import { unknownStream } from '../../streams/unknown-stream.js'
import { appendOutcomes, ingest } from './ingest.js'
import { predict, type PredictOptions } from './predict.js'

export interface ServeOptions extends PredictOptions {
  readonly log: EventLog
  readonly streams: readonly CompiledStream[]
  /** Why the model of a stream does not score all of its rows; undefined while it does. */
  readonly modelProblem: (stream: string) => string | undefined
}

/** The scoring port of the API, over the log, the state and the models. */
export function scoringPort(options: ServeOptions): ScoringPort {
  const byName = new Map(options.streams.map((stream) => [stream.stream.name, stream]))
  const streamOf = (name: string): CompiledStream => {
    const stream = byName.get(name)
    if (stream === undefined) throw unknownStream(name, byName.keys())
    return stream
  }
  return {
    streams: () => options.streams.map((stream) => viewOf(stream, options)),
    decodeAvro: (name, body) => {
      const { codec } = streamOf(name)
      try {
        return body[0] === 0xc3 && body[1] === 0x01 ? codec.decode(body) : codec.decodeDatum(body)
      } catch (error) {
        throw recordFault(error)
      }
    },
    ingest: (name, events) => ingest(streamOf(name), events, options),
    predict: (name, events, _caller, durable) => predict(streamOf(name), events, options, durable),
    features: (name, entity, tenant, ids, atMs) =>
      featuresOf(streamOf(name), entity, tenant, ids, atMs ?? options.clock.nowMs(), options),
    appendOutcomes: (outcomes, caller) => appendOutcomes(options.log, outcomes, caller),
  }
}

function viewOf({ stream, plan }: CompiledStream, { routing, modelProblem }: ServeOptions): StreamView {
  const champion = championOf(routing(), stream.model, 'global')
  return {
    name: stream.name,
    topic: stream.topic,
    partitions: stream.partitions,
    schema: stream.schema,
    columns: { id: stream.id, tenant: stream.tenant, time: stream.time, key: stream.key },
    entities: Object.entries(stream.entities).map(([name, { columns, scope }]) => ({ name, columns, scope })),
    features: stream.features.map(({ name, feature }) => ({ name, kind: feature.kind })),
    family: stream.model ?? null,
    serving: {
      by: champion === undefined || champion.refused !== undefined ? 'heuristic' : 'model',
      version: versionOf(champion),
      problem: modelProblem(stream.name) ?? null,
    },
    risk: champion === undefined || champion.refused !== undefined ? stream.risk : champion.thresholds,
    fingerprint: plan.fingerprint,
  }
}

/**
 * Reads an entity's state from the partition of its events' key. Where the key is the tenant, this is one known
 * partition. With another key, it asks every partition and takes the state from the one that has it.
 */
async function featuresOf(
  { stream, plan }: CompiledStream,
  entity: string,
  tenant: string,
  ids: readonly string[],
  atMs: number,
  { store }: ServeOptions,
): Promise<EntityFeatures | undefined> {
  const key = plan.keyOf(entity, tenant, ids)
  const partitions =
    stream.key === stream.tenant
      ? [partitionOf(Buffer.from(tenant), stream.partitions)]
      : Array.from({ length: stream.partitions }, (_, i) => i)
  const found = await Promise.all(
    partitions.map(async (partition) => (await store.load({ stream: stream.name, partition }, [key]))[0]),
  )
  const blob = found.find((one) => one !== undefined)
  return blob === undefined ? undefined : { atMs, values: plan.describe(entity, blob, atMs) }
}
