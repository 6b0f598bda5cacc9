import { isUtf8 } from 'node:buffer'
import { utf8Of } from '../../base/utf8.js'
import type { Bytes, DeadLetter, DeadLetterFilter, DeadLetterState } from '../../contracts/dead-letters.js'
import type { Offset } from '../../log/event-log.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { StoredDeadLetter } from '../ground/dead-letter-record.js'

/** The JSON object in a dead letter's value, whether or not the schema accepts it; undefined where there is none. */
export function jsonIn(value: Buffer | null): Readonly<Record<string, unknown>> | undefined {
  if (value?.[0] !== 0x7b || !isUtf8(value)) return undefined
  try {
    return JSON.parse(value.toString()) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

/**
 * The tenant of a dead letter: what its header, its key (where the stream's key is the tenant) and its JSON name.
 * Undefined where they disagree, name none or are not UTF-8; then only the operator may see it.
 */
export function tenantOf({ stream }: CompiledStream, { headers, key, value }: StoredDeadLetter): string | undefined {
  const inside = jsonIn(value)?.[stream.tenant]
  const given = [headers['tenant'], stream.key === stream.tenant ? key : undefined]
  if (given.some((bytes) => bytes !== undefined && bytes !== null && !isUtf8(bytes))) return undefined
  const names = [...given.map((bytes) => utf8Of(bytes)), typeof inside === 'string' ? inside : undefined].filter(
    (one) => one !== undefined,
  )
  return names.length > 0 && names[0] !== '' && names.every((one) => one === names[0]) ? names[0] : undefined
}

export function deadLetterView(
  stream: CompiledStream,
  stored: StoredDeadLetter,
  position: Offset,
  state: DeadLetterState,
): DeadLetter {
  const id = utf8Of(stored.headers['event_id']) ?? jsonIn(stored.value)?.[stream.stream.id]
  return {
    id: `${stream.stream.name}/${stored.partition}/${position}`,
    stream: stream.stream.name,
    partition: stored.partition,
    offset: stored.offset,
    timeMs: stored.storedAtMs,
    code: stored.code,
    stage: stored.stage,
    reason: stored.reason,
    version: stored.version,
    attempts: stored.attempts,
    origin: stored.origin,
    tenant: tenantOf(stream, stored) ?? null,
    event_id: typeof id === 'string' ? id.slice(0, 256) : null,
    bytes: stored.value?.length ?? 0,
    state,
  }
}

/** Whether a dead letter passes the filter; the caller has chosen stream and partition already. */
export const passes = (
  deadLetter: DeadLetter,
  { code, stage, tenant, state, fromMs, toMs }: DeadLetterFilter,
): boolean =>
  (code === undefined || deadLetter.code === code) &&
  (stage === undefined || deadLetter.stage === stage) &&
  (tenant === undefined || deadLetter.tenant === tenant) &&
  (state === undefined || deadLetter.state === state) &&
  (fromMs === undefined || deadLetter.timeMs >= fromMs) &&
  (toMs === undefined || deadLetter.timeMs < toMs)

export const bytesView = (bytes: Buffer): Bytes =>
  isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') }
