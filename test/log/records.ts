import { expect } from 'vitest'
import { isEngineError } from '../../src/base/errors.js'
import type { ErrorCode } from '../../src/base/errors.js'
import { readUpTo } from '../../src/log/read-up-to.js'
import type { EventLog, LogRecord, NewRecord, Offset, TopicPartition } from '../../src/log/event-log.js'

const wide = { records: 1_000, bytes: 1024 * 1024 }
/** A signal that never aborts. */
export const never: AbortSignal = new AbortController().signal

export const textRecord = (text: string, more: Partial<NewRecord> = {}): NewRecord => ({
  key: Buffer.from(`key of ${text}`),
  value: Buffer.from(text),
  ...more,
})
export const texts = (records: readonly LogRecord[]): (string | undefined)[] =>
  records.map(({ value }) => value?.toString())
export const numbered = (count: number): NewRecord[] => Array.from({ length: count }, (_, i) => textRecord(String(i)))

/** All records from `from` to the current end. */
export async function readAll(log: EventLog, at: TopicPartition, from: Offset, bound = wide): Promise<LogRecord[]> {
  const { next } = await log.bounds(at)
  const reader = log.reader(at)
  const all: LogRecord[] = []
  try {
    for await (const records of readUpTo(reader, from, next, bound, never))
      all.push(...records.map((record) => ({ ...record, value: record.value && Buffer.from(record.value) })))
    return all
  } finally {
    await reader.close()
  }
}

export const failsWith = (code: ErrorCode): unknown =>
  expect.toSatisfy((error: unknown) => isEngineError(error, code), `fails with ${code}`)
