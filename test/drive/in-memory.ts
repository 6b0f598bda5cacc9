import { partitionOf } from '../../src/base/keys.js'
import type { CompiledStream } from '../../src/consumers/ground/compiled.js'
import { decodeChunk, type Tenants } from '../../src/consumers/ground/decode.js'
import { foldChunk, scoreChunk } from '../../src/consumers/scoring/folded-chunk.js'
import type { PartitionState } from '../../src/features/plan/plan.js'
import type { LogRecord } from '../../src/log/event-log.js'
import { emptyRouting, withChampion, type Routing, type Serving } from '../../src/scorers/routing.js'
import type { World } from './drive.js'
import { resultsOf, type Result } from './result.js'
import type { Sent } from './story.js'

export interface MemoryOptions {
  /** Every tenant where it is absent. */
  readonly tenants?: Tenants
  /** The model that scores; the heuristic of the stream where it is absent. */
  readonly model?: (stream: CompiledStream) => Serving
  /** How many event ids a partition remembers. */
  readonly seenIds?: number
}

interface Partition {
  readonly state: PartitionState
  next: number
}

/** Large enough that no entity is ever evicted: there is no store to load it from again. */
const cachedEntities = 1_000_000

/** The scoring path without a log and a store: what one owner of all partitions would publish. */
export function inMemory(stream: CompiledStream, options: MemoryOptions): World<never> {
  const { tenants = 'any', seenIds = 10_000 } = options
  const routing = routingOf(stream, options.model)
  const partitions = new Map<number, Partition>()
  const results = new Map<Sent, Result>()

  function partition(number: number): Partition {
    const known = partitions.get(number)
    if (known !== undefined) return known
    const fresh = { state: stream.plan.open(cachedEntities, seenIds), next: 0 }
    partitions.set(number, fresh)
    return fresh
  }

  /** One chunk of one partition, as `scorePartition` takes it. */
  async function score(number: number, sent: readonly Sent[]): Promise<void> {
    const part = partition(number)
    const records = sent.map((one) => recordOf(stream, one, part.next++))
    const first = records[0]!.offset
    const decoded = decodeChunk(stream, tenants, records)
    for (const { record, code, stage, reason } of decoded.dead)
      results.set(sent[record.offset - first]!, { kind: 'dead letter', code, stage, reason, value: record.value })
    for (let keys = part.state.missing(decoded.events); keys.length > 0; keys = part.state.missing(decoded.events))
      part.state.admit(
        keys,
        keys.map(() => undefined),
      )
    const chunk = foldChunk(stream, part.state, decoded, first - 1, part.next - 1)
    for (const [offset, result] of resultsOf(stream, await scoreChunk(stream, routing, chunk, 0)))
      results.set(sent[offset - first]!, result)
  }

  return {
    async take(sent) {
      const byPartition = new Map<number, Sent[]>()
      for (const one of sent) {
        const number = partitionOf(Buffer.from(one.tenant), stream.stream.partitions)
        const own = byPartition.get(number)
        if (own === undefined) byPartition.set(number, [one])
        else own.push(one)
      }
      for (const [number, own] of byPartition) await score(number, own)
    },
    act: () => Promise.reject(new Error('without an engine there is nothing to act on')),
    resultOf: async (sent) => results.get(sent),
  }
}

/** The routing in which one model serves every tenant of a stream. */
export const routingOf = (stream: CompiledStream, model: MemoryOptions['model']): Routing =>
  model === undefined ? emptyRouting : withChampion(emptyRouting, stream.stream.model!, 'global', model(stream))

/** The bytes that a producer sends. */
export const bytesOf = ({ codec }: CompiledStream, { event }: Sent): Buffer | null =>
  event === null || Buffer.isBuffer(event)
    ? event
    : typeof event === 'string'
      ? Buffer.from(event)
      : codec.encodeJson(event)

const recordOf = (stream: CompiledStream, sent: Sent, offset: number): LogRecord => ({
  offset,
  timestampMs: sent.recordTimeMs,
  key: Buffer.from(sent.tenant),
  value: bytesOf(stream, sent),
  headers: {},
})
