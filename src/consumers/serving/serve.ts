import type { EntityFeatures, ScoringPort } from '../../contracts/scoring.js'
import type { StreamView } from '../../contracts/streams.js'
import { championOf, versionOf } from '../../scorers/routing.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { EventLog } from '../../log/event-log.js'
import { recordFault } from '../ground/record-fault.js'
import { unknownStream } from '../../streams/unknown-stream.js'
import { appendOutcomes, ingest } from './ingest.js'
import { predict, type PredictOptions } from './predict.js'
import { isOfTenant, openWhereabouts } from './whereabouts.js'

export interface ServeOptions extends Omit<PredictOptions, 'whereabouts'> {
  readonly log: EventLog
  readonly streams: readonly CompiledStream[]
  /** Why the model of a stream does not score all of its rows; undefined while it does. */
  readonly modelProblem: (stream: string) => string | undefined
}

/** The scoring port of the API, over the log, the state and the models. */
export function scoringPort(given: ServeOptions): ScoringPort {
  const options = { ...given, whereabouts: openWhereabouts(given.store, given.clock) }
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
 * partition, unless producers chose others. With another key, it asks every partition. Of several partitions that have
 * the entity it takes the first one, and names all of them where each has only a part of the history.
 */
async function featuresOf(
  stream: CompiledStream,
  entity: string,
  tenant: string,
  ids: readonly string[],
  atMs: number,
  { store, whereabouts }: Pick<PredictOptions, 'store' | 'whereabouts'>,
): Promise<EntityFeatures | undefined> {
  const { plan } = stream
  const key = plan.keyOf(entity, tenant, ids)
  const partitions = await whereabouts.candidates(stream, tenant)
  const blobs = await Promise.all(
    partitions.map(async (partition) => (await store.load({ stream: stream.stream.name, partition }, [key]))[0]),
  )
  const holders = partitions.filter((_, i) => blobs[i] !== undefined)
  if (holders.length === 0) return undefined
  const values = plan.describe(entity, blobs[partitions.indexOf(holders[0]!)], atMs)
  return holders.length > 1 && isOfTenant(stream, key) ? { atMs, values, split: holders } : { atMs, values }
}
