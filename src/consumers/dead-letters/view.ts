import { isUtf8 } from 'node:buffer'
import type { Bytes, DeadLetter, DeadLetterFilter, DeadLetterState } from '../../contracts/dead-letters.js'
import type { Offset } from '../../log/event-log.js'
import type { CompiledStream } from '../ground/compiled.js'
import type { StoredDeadLetter } from '../ground/dead-letter-record.js'

/** What a letter's value holds where it is a JSON object, though not one that its stream takes. */
export function jsonIn(value: Buffer | null): Readonly<Record<string, unknown>> | undefined {
  if (value?.[0] !== 0x7b || !isUtf8(value)) return undefined
  try {
    return JSON.parse(value.toString()) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

/**
 * Whose letter it is: what its header, its key (where the stream's key is the tenant) and its JSON say, if they agree.
 * Undefined where they do not or are silent: then it is for the operator alone.
 */
export function tenantOf({ stream }: CompiledStream, { headers, key, value }: StoredDeadLetter): string | undefined {
  const inside = jsonIn(value)?.[stream.tenant]
  const said = [
    headers['tenant']?.toString(),
    stream.key === stream.tenant ? key?.toString() : undefined,
    typeof inside === 'string' ? inside : undefined,
  ].filter((one) => one !== undefined)
  return said.length > 0 && said[0] !== '' && said.every((one) => one === said[0]) ? said[0] : undefined
}

export function deadLetterView(
  stream: CompiledStream,
  letter: StoredDeadLetter,
  position: Offset,
  state: DeadLetterState,
): DeadLetter {
  const id = letter.headers['event_id']?.toString() ?? jsonIn(letter.value)?.[stream.stream.id]
  return {
    id: `${stream.stream.name}/${letter.partition}/${position}`,
    stream: stream.stream.name,
    partition: letter.partition,
    offset: letter.offset,
    timeMs: letter.timestampMs,
    code: letter.code,
    stage: letter.stage,
    reason: letter.reason,
    version: letter.version,
    attempts: letter.attempts,
    origin: letter.origin,
    tenant: tenantOf(stream, letter) ?? null,
    event_id: typeof id === 'string' ? id.slice(0, 256) : null,
    bytes: letter.value?.length ?? 0,
    state,
  }
}

/** Whether the filter lets a letter through; stream and partition are chosen before anything is read. */
export const passes = (letter: DeadLetter, { code, stage, tenant, state, fromMs, toMs }: DeadLetterFilter): boolean =>
  (code === undefined || letter.code === code) &&
  (stage === undefined || letter.stage === stage) &&
  (tenant === undefined || letter.tenant === tenant) &&
  (state === undefined || letter.state === state) &&
  (fromMs === undefined || letter.timeMs >= fromMs) &&
  (toMs === undefined || letter.timeMs < toMs)

export const bytesView = (bytes: Buffer): Bytes =>
  isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') }
