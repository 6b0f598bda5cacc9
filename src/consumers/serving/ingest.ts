import type { Caller } from '../../contracts/callers.js'
import type { Outcome } from '../../contracts/outcomes.js'
import type { Acknowledged, IngestResult, Rejected } from '../../contracts/scoring.js'
import type { Clock } from '../../base/clock.js'
import { EngineError } from '../../base/errors.js'
import type { Event } from '../../features/feature.js'
import { partitionOf } from '../../base/keys.js'
import { limits } from '../../base/limits.js'
import type { EventLog, NewRecord } from '../../log/event-log.js'
import { checkEvent } from '../../streams/codec/codec.js'
import type { CompiledStream } from '../ground/compiled.js'
import { tenantsAt, type TenantSource } from '../control/tenants.js'
import { checkTenant, type Tenants } from '../ground/decode.js'
import { recordFault } from '../ground/record-fault.js'
import { outcomesTopic } from '../ground/topic-names.js'

export interface IngestOptions {
  readonly log: EventLog
  readonly clock: Clock
  /** Those that are known now. */
  readonly tenants: TenantSource
}

interface Accepted {
  readonly index: number
  readonly id: string
  readonly record: NewRecord
}

/**
 * Appends the good events of a request, each to the partition of its key, and resolves when all of them are durable. A
 * bad event gets its error as its result and does not hold up the others.
 */
export async function ingest(
  stream: CompiledStream,
  events: readonly unknown[],
  { log, clock, tenants: source }: IngestOptions,
): Promise<readonly IngestResult[]> {
  const checks = { clock, tenants: tenantsAt(source, Infinity) }
  const results = new Array<IngestResult>(events.length)
  const byPartition = new Map<number, Accepted[]>()
  events.forEach((given, index) => {
    const accepted = accept(stream, given, checks)
    if ('error' in accepted) results[index] = accepted
    else {
      const partition = partitionOf(accepted.record.key!, stream.stream.partitions)
      const batch = byPartition.get(partition)
      if (batch === undefined) byPartition.set(partition, [{ index, ...accepted }])
      else batch.push({ index, ...accepted })
    }
  })
  const appended = await Promise.all(
    [...byPartition].map(([partition, batch]) => append(stream, partition, batch, log)),
  )
  for (const [index, acknowledged] of appended.flat()) results[index] = acknowledged
  return results
}

/** What a caller's event is checked against. */
interface EventChecks {
  readonly clock: Clock
  readonly tenants: Tenants
}

function accept(stream: CompiledStream, given: unknown, checks: EventChecks): Omit<Accepted, 'index'> | Rejected {
  try {
    return accepted(stream, checkedEvent(stream, given, checks))
  } catch (error) {
    return rejected(given, stream, recordFault(error))
  }
}

function accepted(stream: CompiledStream, event: Event): Omit<Accepted, 'index'> {
  const value = stream.codec.encode(event)
  if (value.length > limits.eventBytes) throw tooLarge(value.length)
  const id = event[stream.stream.id] as string
  const headers = { event_id: Buffer.from(id), tenant: Buffer.from(event[stream.stream.tenant] as string) }
  return { id, record: { key: stream.codec.keyOf(event), value, headers } }
}

const tooLarge = (bytes: number): EngineError =>
  new EngineError('TOO_LARGE', `the event has ${bytes} bytes, ${limits.eventBytes} are allowed; split it`)

/** Checks a caller's event as the log path checks a record. Returns the error when the event itself is wrong. */
export function eventOf(stream: CompiledStream, given: unknown, checks: EventChecks): Event | EngineError {
  try {
    return checkedEvent(stream, given, checks)
  } catch (error) {
    return recordFault(error)
  }
}

function checkedEvent(stream: CompiledStream, given: unknown, { clock, tenants }: EventChecks): Event {
  const event = stream.codec.read(given)
  checkEvent(stream.stream, event, clock.nowMs())
  checkTenant(stream, tenants, event)
  return event
}

/** The result of a bad event, with the event's id where it can be read. */
export function rejected(given: unknown, { stream }: CompiledStream, error: EngineError): Rejected {
  const id: unknown =
    typeof given === 'object' && given !== null ? (given as Record<string, unknown>)[stream.id] : undefined
  const problem = {
    code: error.code,
    message: error.message,
    ...(error.field === undefined ? {} : { field: error.field }),
  }
  return typeof id === 'string' && id.length <= 256 ? { event_id: id, error: problem } : { error: problem }
}

async function append(
  stream: CompiledStream,
  partition: number,
  batch: readonly Accepted[],
  log: EventLog,
): Promise<[number, Acknowledged][]> {
  const first = await log.append(
    { topic: stream.topics.events, partition },
    batch.map((one) => one.record),
  )
  return batch.map(({ index, id }, i) => [index, { event_id: id, partition, offset: first + i }])
}

/** Appends outcomes of one caller, keyed by tenant and with the caller's key. Resolves when all are durable. */
export async function appendOutcomes(log: EventLog, outcomes: readonly Outcome[], { key }: Caller): Promise<void> {
  const records = outcomes.map((outcome) => ({
    key: Buffer.from(outcome.tenant),
    value: Buffer.from(JSON.stringify({ ...outcome, by: key })),
  }))
  if (records.length > 0) await log.append({ topic: outcomesTopic, partition: 0 }, records)
}
