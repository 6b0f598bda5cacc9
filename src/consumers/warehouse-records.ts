import type { LogRecord } from '../log/event-log.js'
import { dictionaryColumn, type DictionaryColumn } from '../sinks/dictionary.js'
import { encodeNative, type Column } from '../sinks/native.js'

/** Records that become one row each, in the order of the log, and where they stand. */
export interface StoredRecords {
  readonly stream: string
  readonly topic: string
  readonly partition: number
  readonly records: readonly LogRecord[]
}

/** What an outcomes topic holds, as JSON. */
interface OutcomeValue {
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
  try {
    const { stream, tenant, event_id, label, source, decidedAtMs } = JSON.parse(value?.toString() ?? '') as Partial<OutcomeValue>
    const named = [stream, tenant, event_id, source].every((text) => typeof text === 'string')
    return named && (label === 0 || label === 1) && Number.isSafeInteger(decidedAtMs) ? undefined : 'it lacks a stream, tenant, event_id, label of 0 or 1, source or decidedAtMs'
  } catch {
    return 'it is no JSON'
  }
}

export function encodeOutcomes(stored: readonly StoredRecords[]): Buffer {
  const rows = rowsOf(stored)
  const outcomes = rows.map(({ record }) => JSON.parse(record.value!.toString()) as OutcomeValue)
  const texts = (of: (outcome: OutcomeValue) => string): Column => ({ type: 'String', of: [outcomes.map(of)] })
  return encodeNative(rows.length, {
    ...standing(rows),
    tenant: dictionary(outcomes, ({ tenant }) => tenant),
    stream: dictionary(outcomes, ({ stream }) => stream),
    event_id: texts(({ event_id }) => event_id),
    label: { type: 'UInt8', of: [Uint8Array.from(outcomes, ({ label }) => label)] },
    source: dictionary(outcomes, ({ source }) => source),
    decided_at: { type: 'DateTime64(3, \'UTC\')', of: [Float64Array.from(outcomes, ({ decidedAtMs }) => decidedAtMs)] },
    decided_by: texts(({ by }) => by ?? ''),
    note: texts(({ note }) => note ?? ''),
  })
}

export function encodeEvents(stored: readonly StoredRecords[]): Buffer {
  const rows = rowsOf(stored)
  return encodeNative(rows.length, {
    ...standing(rows),
    tenant: dictionary(rows, ({ record }) => header(record, 'tenant') ?? record.key?.toString() ?? ''),
    stream: dictionary(rows, ({ stream }) => stream),
    event_id: { type: 'String', bytes: rows.map(({ record }) => record.headers['event_id'] ?? null) },
    key: { type: 'String', bytes: rows.map(({ record }) => record.key) },
    format: dictionary(rows, ({ record }) => formatOf(record.value)),
    value: { type: 'String', bytes: rows.map(({ record }) => record.value) },
  })
}

/** The origin of a letter is in its headers, as the scoring flow writes them. */
export function encodeDeadLetters(stored: readonly StoredRecords[]): Buffer {
  const rows = rowsOf(stored)
  const said = (name: string) => rows.map(({ record }) => header(record, `dead-letter-${name}`) ?? '')
  return encodeNative(rows.length, {
    ...standing(rows),
    tenant: dictionary(rows, ({ record }) => header(record, 'tenant') ?? ''),
    stream: dictionary(rows, ({ stream }) => stream),
    source_topic: dictionary(said('topic'), (topic) => topic),
    source_partition: { type: 'UInt32', of: [Uint32Array.from(said('partition'), Number)] },
    source_offset: { type: 'Int64', of: [Float64Array.from(said('offset'), Number)] },
    event_id: { type: 'String', bytes: rows.map(({ record }) => record.headers['event_id'] ?? null) },
    code: dictionary(said('code'), (code) => code),
    stage: dictionary(said('stage'), (stage) => stage),
    reason: { type: 'String', of: [said('reason')] },
    key: { type: 'String', bytes: rows.map(({ record }) => record.key) },
    value: { type: 'String', bytes: rows.map(({ record }) => record.value) },
  })
}

interface Row {
  readonly stream: string
  readonly topic: string
  readonly partition: number
  readonly record: LogRecord
}

const rowsOf = (stored: readonly StoredRecords[]): Row[] => stored.flatMap(({ records, ...place }) => records.map((record) => ({ ...place, record })))

/** Where each row stands in its own topic, and since when. */
const standing = (rows: readonly Row[]) =>
  ({
    topic: dictionary(rows, ({ topic }) => topic),
    partition: { type: 'UInt32', of: [Uint32Array.from(rows, ({ partition }) => partition)] },
    offset: { type: 'Int64', of: [Float64Array.from(rows, ({ record }) => record.offset)] },
    record_time: { type: 'DateTime64(3, \'UTC\')', of: [Float64Array.from(rows, ({ record }) => record.timestampMs)] },
  }) as const satisfies Record<string, Column>

function dictionary<Item>(items: readonly Item[], of: (item: Item) => string): DictionaryColumn['column'] {
  const column = dictionaryColumn(items.length)
  for (const item of items) column.add(of(item))
  return column.column
}

const header = ({ headers }: LogRecord, name: string): string | undefined => headers[name]?.toString()

/** JSON begins with a brace or white space before one; Avro with the marker of single-object encoding or a magic zero. */
const formatOf = (value: Buffer | null): 'json' | 'avro' => (value === null || value.length === 0 || [0x7b, 0x20, 0x09, 0x0a, 0x0d].includes(value[0]!) ? 'json' : 'avro')
