import { EngineError } from '../../base/errors.js'
import type { Event } from '../../features/feature.js'
import { limits } from '../../base/limits.js'
import type { LogRecord } from '../../log/event-log.js'
import { checkEvent } from '../../streams/codec/codec.js'
import type { SchemaSource } from '../../streams/codec/schema-source.js'
import { noWireReaders, schemaIds, type WireReaders } from '../../streams/codec/wire.js'
import type { CompiledStream } from './compiled.js'
import { foldStage, recordFault, type FoldFaults } from './record-fault.js'
import type { RejectedRecord, Stage } from './rejected.js'

/** The tenants whose events are scored. */
export type Tenants = 'any' | Pick<ReadonlySet<string>, 'has'>

/** The good records of a chunk with their events, index by index, and the bad ones. A tombstone is in neither list. */
export interface Decoded {
  readonly records: LogRecord[]
  readonly events: Event[]
  readonly dead: RejectedRecord[]
}

/**
 * How the records of a chunk that are in a registry's wire format are read. The registry is asked once for the schemas
 * of a chunk, before it is decoded. `schemas` waits while the registry is unreachable, because that is no fault of a
 * record.
 */
export async function readersFor(
  stream: CompiledStream,
  chunk: readonly LogRecord[],
  schemas: Pick<SchemaSource, 'resolve'> | undefined,
): Promise<WireReaders> {
  if (schemas === undefined) return noWireReaders
  const ids = schemaIds(chunk.map(({ value }) => value))
  return ids.size === 0 ? noWireReaders : stream.codec.wireReaders(await schemas.resolve(ids))
}

/**
 * Whether a record has no value. Change feeds and compacted topics contain such records to say that a key was deleted.
 * It is no event and no fault: its offset is covered, and it has no result. An empty value (0 bytes) is a fault.
 */
export const isTombstone = ({ value }: Pick<LogRecord, 'value'>): boolean => value === null

/**
 * Decodes and checks a chunk. A bad record goes to `dead` with its reason and does not stop the others, whatever it
 * makes the code throw.
 */
export function decodeChunk(
  stream: CompiledStream,
  tenants: Tenants,
  chunk: readonly LogRecord[],
  readers: WireReaders = noWireReaders,
): Decoded {
  const decoded: Decoded = { records: [], events: [], dead: [] }
  for (const record of chunk) {
    if (record.value === null) continue
    let stage: Stage = 'decode'
    try {
      const event = stream.codec.decode(checkedSize(record.value), readers)
      stage = 'check'
      checkEvent(stream.stream, event, record.timestampMs)
      checkTenant(stream, tenants, event)
      decoded.records.push(record)
      decoded.events.push(event)
    } catch (error) {
      const { code, message } = recordFault(error)
      decoded.dead.push({ record, code, reason: message, stage })
    }
  }
  return decoded
}

/** Moves the records that make the fold throw to the dead ones, in the order of the log. */
export function withoutFaults(decoded: Decoded, faults: FoldFaults): Decoded {
  if (!decoded.records.some(({ offset }) => faults.has(offset))) return decoded
  const isGood = (_: unknown, row: number): boolean => !faults.has(decoded.records[row]!.offset)
  const faulty = decoded.records.flatMap((record): RejectedRecord[] => {
    const fault = faults.get(record.offset)
    return fault === undefined ? [] : [{ record, code: fault.code, reason: fault.message, stage: foldStage }]
  })
  return {
    records: decoded.records.filter(isGood),
    events: decoded.events.filter(isGood),
    dead: [...decoded.dead, ...faulty].sort((a, b) => a.record.offset - b.record.offset),
  }
}

function checkedSize(value: Buffer): Buffer {
  if (value.length > limits.eventBytes)
    throw new EngineError(
      'TOO_LARGE',
      `the event has ${value.length} bytes, ${limits.eventBytes} are allowed; split it`,
    )
  return value
}

/** Throws UNKNOWN_TENANT if the engine does not score the tenant of the event. */
export function checkTenant(stream: CompiledStream, tenants: Tenants, event: Event): void {
  const tenant = event[stream.stream.tenant] as string
  if (tenants !== 'any' && !tenants.has(tenant))
    throw new EngineError(
      'UNKNOWN_TENANT',
      `tenant '${tenant.slice(0, 64)}' is not known; an operator adds it with 'tidemill tenants add', then send the ` +
        'event again',
    )
}
