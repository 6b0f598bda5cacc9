import { limits } from '../../base/limits.js'
import type { Header, LogRecord, NewRecord, Offset, TopicPartition } from '../../log/event-log.js'
import type { RejectedRecord } from './rejected.js'

/** Headers of a redriven event: the offset of its first dead letter, how often it was redriven, and by which key. */
const redriven = { origin: 'redrive-origin', attempt: 'redrive-attempt', by: 'redrive-by' } as const
const prefix = 'dead-letter-'

/** Whether an operator redrove this event. A redriven event does not show what producers write now. */
export const isRedriven = ({ headers }: Pick<LogRecord, 'headers'>): boolean => headers[redriven.attempt] !== undefined

/**
 * Where an event first became a dead letter, and how often it was redriven since. An event that never was a dead letter
 * is its own origin.
 */
export interface Origin {
  readonly origin: Offset
  readonly attempts: number
}

export function originOf({ headers, offset }: Pick<LogRecord, 'headers' | 'offset'>): Origin {
  const origin = wholeNumber(headers[redriven.origin])
  const attempts = wholeNumber(headers[redriven.attempt])
  return origin === undefined || attempts === undefined || origin >= offset
    ? { origin: offset, attempts: 0 }
    : { origin, attempts }
}

/** A dead letter as it was stored. Its identity is the partition and offset that it had in the event topic. */
export interface StoredDeadLetter extends Origin {
  readonly topic: string
  readonly partition: number
  readonly offset: Offset
  /** As the producer wrote it, in whatever unit. */
  readonly timestampMs: number
  /** When it became a dead letter. */
  readonly storedAtMs: number
  readonly code: string
  readonly stage: string
  readonly reason: string
  /** The build and the plan that refused it. */
  readonly version: string
  /** The bytes that the record had where it was too large to be kept whole; then it cannot be redriven. */
  readonly cutFrom?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** As the producer wrote them, and those of a redrive if there was one. */
  readonly headers: Readonly<Record<string, Buffer>>
  readonly allHeaders?: readonly Header[]
}

/**
 * The record of a dead letter: the original key, value and headers, and headers for its place in the event topic and
 * for the reason of its refusal.
 */
export function deadLetterRecord(
  from: TopicPartition,
  { record, code, reason, stage }: RejectedRecord,
  version: string,
): NewRecord {
  const { origin, attempts } = originOf(record)
  const about: Record<string, string> = {
    topic: from.topic,
    partition: String(from.partition),
    offset: String(record.offset),
    timestamp: String(record.timestampMs),
    code,
    stage,
    reason: reason.slice(0, 1_000),
    version,
    attempts: String(attempts),
    origin: String(origin),
  }
  const bytes = recordBytes(record)
  const isCut = bytes > limits.deadLetterBytes
  if (isCut) about['cut-from'] = String(bytes)
  const named = Object.entries(about).map(([name, value]) => [prefix + name, Buffer.from(value)] as const)
  const kept = (whole: Buffer | null): Buffer | null =>
    isCut && whole !== null ? whole.subarray(0, limits.cutDeadLetterBytes) : whole
  // The log stamps the dead letter: it is kept from now on, whatever time the producer wrote into the record.
  return { key: kept(record.key), value: kept(record.value), ...withHeaders(isCut ? { headers: {} } : record, named) }
}

/** The bytes of a record as its producer wrote it. */
export function recordBytes({
  key,
  value,
  headers,
  allHeaders,
}: Pick<LogRecord, 'key' | 'value' | 'headers' | 'allHeaders'>): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  if (allHeaders === undefined)
    for (const [name, content] of Object.entries(headers)) bytes += Buffer.byteLength(name) + content.length + 16
  else for (const { name, value: content } of allHeaders) bytes += name.length + (content?.length ?? 0) + 16
  return bytes
}

/** The headers of a record and some more. These replace headers of the same name. */
function withHeaders(
  { headers, allHeaders }: Pick<LogRecord, 'headers' | 'allHeaders'>,
  more: readonly (readonly [name: string, value: Buffer])[],
): Pick<LogRecord, 'headers' | 'allHeaders'> {
  const all = { ...headers, ...Object.fromEntries(more) }
  if (allHeaders === undefined) return { headers: all }
  const names = new Set(more.map(([name]) => name))
  return {
    headers: all,
    allHeaders: [
      ...allHeaders.filter(({ name }) => !names.has(name.toString())),
      ...more.map(([name, value]) => ({ name: Buffer.from(name), value })),
    ],
  }
}

/** Reads a record of a dead-letter topic; undefined if the engine did not write it. */
export function readDeadLetter(record: LogRecord): StoredDeadLetter | undefined {
  const header = (name: string): string => record.headers[prefix + name]?.toString() ?? ''
  const whole = (name: string): number | undefined => wholeNumber(record.headers[prefix + name])
  const [partition, offset] = [whole('partition'), whole('offset')]
  if (partition === undefined || offset === undefined) return undefined
  return {
    topic: header('topic'),
    partition,
    offset,
    timestampMs: timestampIn(record.headers[`${prefix}timestamp`]) ?? record.timestampMs,
    storedAtMs: record.timestampMs,
    code: header('code'),
    stage: header('stage'),
    reason: header('reason'),
    version: header('version'),
    attempts: whole('attempts') ?? 0,
    origin: whole('origin') ?? offset,
    ...(whole('cut-from') === undefined ? {} : { cutFrom: whole('cut-from')! }),
    key: record.key,
    value: record.value,
    headers: Object.fromEntries(Object.entries(record.headers).filter(([name]) => !name.startsWith(prefix))),
    ...(record.allHeaders === undefined
      ? {}
      : { allHeaders: record.allHeaders.filter(({ name }) => !name.toString().startsWith(prefix)) }),
  }
}

/**
 * The event of a dead letter, to be appended to the same partition again: key, value and headers as the producer wrote
 * them.
 */
export function redrivenRecord(stored: StoredDeadLetter, by: string): NewRecord {
  const { key, value, origin, attempts } = stored
  const headers = [
    [redriven.origin, Buffer.from(String(origin))],
    [redriven.attempt, Buffer.from(String(attempts + 1))],
    [redriven.by, Buffer.from(by)],
  ] as const
  return { key, value, ...withHeaders(stored, headers) }
}

/** Timestamps may be negative, and have up to 19 digits when they are nanoseconds. */
function timestampIn(bytes: Buffer | undefined): number | undefined {
  const text = bytes?.toString() ?? ''
  return /^-?\d{1,19}$/.test(text) ? Number(text) : undefined
}

function wholeNumber(bytes: Buffer | undefined): number | undefined {
  const text = bytes?.toString() ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
