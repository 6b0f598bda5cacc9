import { isUtf8 } from 'node:buffer'
import { notUtf8, utf8Of } from '../../base/utf8.js'
import type { LogRecord } from '../../log/event-log.js'
import { dictionaryColumn } from '../../sinks/dictionary.js'
import { encodeNative, type Column } from '../../sinks/native.js'
import type { Written } from './progress.js'
import { readDeadLetter } from '../ground/dead-letter-record.js'

/** Records of one partition that become one row each, in the order of the log. */
export interface StoredRecords {
  readonly stream: string
  readonly topic: string
  readonly partition: number
  /** Whether the records' key names the tenant. */
  readonly keyIsTenant: boolean
  readonly records: readonly LogRecord[]
}

/** The JSON value of a record in an outcomes topic. */
export interface OutcomeValue {
  readonly stream: string
  readonly tenant: string
  readonly event_id: string
  readonly label: 0 | 1
  readonly source: string
  readonly decidedAtMs: number
  readonly note?: string
  readonly by?: string
}

/** Why a record of the outcomes topic cannot be stored; undefined when it can. */
export function outcomeFault({ value }: LogRecord): string | undefined {
  if (value !== null && !isUtf8(value)) return `it is ${notUtf8(value)}`
  try {
    const { stream, tenant, event_id, label, source, decidedAtMs, note, by } = JSON.parse(
      value?.toString() ?? '',
    ) as Partial<OutcomeValue>
    const isNamed = [stream, tenant, event_id, source].every((text) => typeof text === 'string')
    if (!isNamed || !(label === 0 || label === 1) || !Number.isSafeInteger(decidedAtMs))
      return 'it lacks a stream, tenant, event_id, label of 0 or 1, source or decidedAtMs'
    if (![note ?? '', by ?? ''].every((text) => typeof text === 'string')) return 'its note or by is no text'
    const texts = [stream, tenant, event_id, source, note, by]
    return texts.some((text) => /\p{Cs}/u.test(text ?? '')) ? 'it has half of a surrogate pair' : undefined
  } catch {
    return 'it is no JSON'
  }
}

export function encodeOutcomes(stored: readonly Written<StoredRecords>[]): Buffer {
  const records = recordsOf(stored)
  const outcomes = records.map(({ value }) => JSON.parse(value!.toString()) as OutcomeValue)
  const texts = (of: (outcome: OutcomeValue) => string): Column => ({ type: 'String', of: [outcomes.map(of)] })
  return encodeNative(records.length, {
    ...positions(stored, records),
    record_time: recordTimes(records),
    written_at: writtenAt(stored),
    tenant: dictionary(outcomes, ({ tenant }) => tenant),
    stream: dictionary(outcomes, ({ stream }) => stream),
    event_id: texts(({ event_id }) => event_id),
    label: { type: 'UInt8', of: [Uint8Array.from(outcomes, ({ label }) => label)] },
    source: dictionary(outcomes, ({ source }) => source),
    decided_at: times(outcomes, ({ decidedAtMs }) => decidedAtMs),
    decided_by: texts(({ by }) => by ?? ''),
    note: texts(({ note }) => note ?? ''),
  })
}

/** ~1 us a record. It runs for up to 30,000 records a second, on the thread that scores. */
export function encodeEvents(stored: readonly Written<StoredRecords>[]): Buffer {
  const records = recordsOf(stored)
  return encodeNative(records.length, {
    ...positions(stored, records),
    record_time: recordTimes(records),
    written_at: writtenAt(stored),
    tenant: tenantsOf(stored, records.length),
    stream: filled(stored, records.length, ({ stream }) => stream),
    event_id: bytes(records, ({ headers }) => headers['event_id'] ?? null),
    key: bytes(records, ({ key }) => key),
    format: dictionary(records, ({ value }) => formatOf(value)),
    value: bytes(records, ({ value }) => value),
  })
}

/**
 * The headers that the scoring flow wrote name the place of a dead letter in its event topic. A record without these
 * headers gets empty columns.
 */
export function encodeDeadLetters(stored: readonly StoredRecords[]): Buffer {
  const records = recordsOf(stored)
  const deadLetters = records.map((record) => readDeadLetter(record) ?? { ...unnamed, timestampMs: record.timestampMs })
  return encodeNative(records.length, {
    ...positions(stored, records),
    record_time: times(deadLetters, ({ timestampMs }) => timestampMs),
    written_at: recordTimes(records),
    tenant: tenantsOf(stored, records.length),
    stream: filled(stored, records.length, ({ stream }) => stream),
    source_topic: dictionary(deadLetters, ({ topic }) => topic),
    source_partition: { type: 'UInt32', of: [Uint32Array.from(deadLetters, ({ partition }) => partition)] },
    source_offset: { type: 'Int64', of: [numbers(deadLetters, ({ offset }) => offset)] },
    event_id: bytes(records, ({ headers }) => headers['event_id'] ?? null),
    code: dictionary(deadLetters, ({ code }) => code),
    stage: dictionary(deadLetters, ({ stage }) => stage),
    reason: { type: 'String', of: [deadLetters.map(({ reason }) => reason)] },
    version: dictionary(deadLetters, ({ version }) => version),
    attempts: { type: 'UInt16', of: [Uint16Array.from(deadLetters, ({ attempts }) => attempts)] },
    origin_offset: { type: 'Int64', of: [numbers(deadLetters, ({ origin }) => origin)] },
    key: bytes(records, ({ key }) => key),
    value: bytes(records, ({ value }) => value),
  })
}

const unnamed = {
  topic: '',
  partition: 0,
  offset: 0,
  code: '',
  stage: '',
  reason: '',
  version: '',
  attempts: 0,
  origin: 0,
} as const

const recordsOf = (stored: readonly StoredRecords[]): readonly LogRecord[] =>
  stored.length === 1 ? stored[0]!.records : stored.flatMap(({ records }) => records)

/** The place of each record in its own topic. */
const positions = (stored: readonly StoredRecords[], records: readonly LogRecord[]) =>
  ({
    topic: filled(stored, records.length, ({ topic }) => topic),
    partition: {
      type: 'UInt32',
      of: stored.map((piece) => new Uint32Array(piece.records.length).fill(piece.partition)),
    },
    offset: { type: 'Int64', of: [numbers(records, ({ offset }) => offset)] },
  }) as const satisfies Record<string, Column>

/** The tenant in the header; without a header the key, if the stream's key is the tenant. */
function tenantsOf(stored: readonly StoredRecords[], rows: number): Column {
  const column = dictionaryColumn(rows)
  for (const { records, keyIsTenant } of stored)
    for (const record of records)
      column.add(header(record, 'tenant') ?? (keyIsTenant ? (utf8Of(record.key) ?? '') : ''))
  return column.column
}

function filled(stored: readonly StoredRecords[], rows: number, of: (piece: StoredRecords) => string): Column {
  const column = dictionaryColumn(rows)
  for (const piece of stored) column.fill(of(piece), piece.records.length)
  return column.column
}

function dictionary<Item>(items: readonly Item[], of: (item: Item) => string): Column {
  const column = dictionaryColumn(items.length)
  for (const item of items) column.add(of(item))
  return column.column
}

function numbers<Item>(items: readonly Item[], of: (item: Item) => number): Float64Array {
  const out = new Float64Array(items.length)
  for (let index = 0; index < items.length; index++) out[index] = of(items[index]!)
  return out
}

const times = <Item>(items: readonly Item[], of: (item: Item) => number) =>
  ({ type: "DateTime64(3, 'UTC')", of: [numbers(items, of)] }) as const satisfies Column

const writtenAt = (stored: readonly Written<StoredRecords>[]): Column => ({
  type: "DateTime64(3, 'UTC')",
  of: stored.map(({ records, writtenAtMs }) => new Float64Array(records.length).fill(writtenAtMs)),
})

const recordTimes = (records: readonly LogRecord[]): Column => times(records, ({ timestampMs }) => timestampMs)

const bytes = (records: readonly LogRecord[], of: (record: LogRecord) => Buffer | null): Column => ({
  type: 'String',
  bytes: records.map(of),
})

/** Undefined also for a header that is not UTF-8. */
const header = ({ headers }: LogRecord, name: string): string | undefined => utf8Of(headers[name])

/**
 * JSON begins with a brace, or with white space before it. Avro begins with the marker of single-object encoding or
 * with a magic zero.
 */
function formatOf(value: Buffer | null): 'json' | 'avro' {
  const first = value === null || value.length === 0 ? 0x7b : value[0]!
  return first === 0x7b || first === 0x20 || (first >= 0x09 && first <= 0x0d) ? 'json' : 'avro'
}
