import type { Acknowledged, Caller, IngestResult, Rejected } from '../api/ports.js'
import type { Clock } from '../clock.js'
import { isEngineError, type EngineError } from '../errors.js'
import type { Event } from '../features/feature.js'
import { partitionOf } from '../keys.js'
import { limits } from '../limits.js'
import type { EventLog, NewRecord } from '../log/event-log.js'
import { checkEvent } from '../streams/codec.js'
import type { CompiledStream } from './compiled.js'
import { checkTenant, type Tenants } from './decode.js'

export interface IngestOptions {
  readonly log: EventLog
  readonly clock: Clock
  readonly tenants: Tenants
}

interface Accepted {
  readonly index: number
  readonly id: string
  readonly record: NewRecord
}

/**
 * Appends the good events of a request, each to the partition of its key, and resolves when all of them are durable.
 * What is wrong with an event is answered in its place and holds up none of the others.
 */
export async function ingest(stream: CompiledStream, events: readonly unknown[], options: IngestOptions): Promise<readonly IngestResult[]> {
  const results = new Array<IngestResult>(events.length)
  const byPartition = new Map<number, Accepted[]>()
  events.forEach((given, index) => {
    const accepted = accept(stream, given, options)
    if ('error' in accepted) results[index] = accepted
    else {
      const partition = partitionOf(accepted.record.key!, stream.stream.partitions)
      const batch = byPartition.get(partition)
      if (batch === undefined) byPartition.set(partition, [{ index, ...accepted }])
      else batch.push({ index, ...accepted })
    }
  })
  const appended = await Promise.all([...byPartition].map(([partition, batch]) => append(stream, partition, batch, options.log)))
  for (const [index, acknowledged] of appended.flat()) results[index] = acknowledged
  return results
}

function accept(stream: CompiledStream, given: unknown, { clock, tenants }: IngestOptions): Omit<Accepted, 'index'> | Rejected {
  const value = Buffer.from(JSON.stringify(given))
  try {
    if (value.length > limits.eventBytes) return rejected(given, stream, { code: 'TOO_LARGE', message: `the event has ${value.length} bytes, ${limits.eventBytes} are allowed; split it` })
    const event = stream.codec.decode(value)
    checkEvent(stream.stream, event, clock.nowMs())
    checkTenant(stream, tenants, event)
    return { id: event[stream.stream.id] as string, record: recordOf(stream, event, value) }
  } catch (error) {
    if (!isEngineError(error) || error.disposition !== 'dead-letter') throw error
    return rejected(given, stream, error)
  }
}

function recordOf({ stream }: CompiledStream, event: Event, value: Buffer): NewRecord {
  const key = Buffer.from(String(event[stream.key]))
  return { key, value, headers: { event_id: Buffer.from(event[stream.id] as string), tenant: Buffer.from(event[stream.tenant] as string) } }
}

/** Names the event it is about where the event has a readable id. */
export function rejected(given: unknown, { stream }: CompiledStream, error: Pick<EngineError, 'code' | 'message'> & { readonly field?: string }): Rejected {
  const id: unknown = typeof given === 'object' && given !== null ? (given as Record<string, unknown>)[stream.id] : undefined
  const problem = { code: error.code, message: error.message, ...(error.field === undefined ? {} : { field: error.field }) }
  return typeof id === 'string' && id.length <= 256 ? { event_id: id, error: problem } : { error: problem }
}

async function append(stream: CompiledStream, partition: number, batch: readonly Accepted[], log: EventLog): Promise<[number, Acknowledged][]> {
  const first = await log.append({ topic: stream.topics.events, partition }, batch.map((one) => one.record))
  return batch.map(({ index, id }, i) => [index, { event_id: id, partition, offset: first + i }])
}

/** What a caller did is on record with the caller's key; events carry their tenant instead. */
export const outcomesTopic = 'outcomes'

/** Outcomes of one caller, keyed by tenant. Resolves when all are durable. */
export async function appendOutcomes(log: EventLog, outcomes: readonly Parameters<typeof JSON.stringify>[0][], { key }: Caller): Promise<void> {
  const records = outcomes.map((outcome: { readonly tenant: string }) => ({ key: Buffer.from(outcome.tenant), value: Buffer.from(JSON.stringify({ ...outcome, by: key })) }))
  if (records.length > 0) await log.append({ topic: outcomesTopic, partition: 0 }, records)
}
