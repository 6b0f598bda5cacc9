import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { limits } from '../../base/limits.js'
import type { EventLog, LogRecord, NewRecord, Offset, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import { directoryMode, type OnBytes } from './files.js'

/** A record as a line of NDJSON; bytes in base64. */
interface Line {
  readonly offset: Offset
  readonly timestampMs: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: Readonly<Record<string, string>>
}

const textOf = (bytes: Buffer | null): string | null => bytes?.toString('base64') ?? null
const bytesOf = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text, 'base64'))

const lineOf = ({ offset, timestampMs, key, value, headers }: LogRecord): Line => ({
  offset,
  timestampMs,
  key: textOf(key),
  value: textOf(value),
  headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, bytes.toString('base64')])),
})

const recordOf = ({ timestampMs, key, value, headers }: Line): NewRecord => ({
  timestampMs,
  key: bytesOf(key),
  value: bytesOf(value),
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text, 'base64')])),
})

/** Writes the records that a partition holds now to a new file; resolves with their offsets. */
export async function copyTopic(
  log: EventLog,
  at: TopicPartition,
  path: string,
  signal: AbortSignal,
  onBytes: OnBytes,
): Promise<{ readonly first: Offset; readonly next: Offset }> {
  const { first, next } = await log.bounds(at)
  const reader = log.reader(at)
  await mkdir(dirname(path), { recursive: true, mode: directoryMode })
  const file = await open(path, 'wx', 0o640)
  try {
    for await (const records of readUpTo(
      reader,
      first,
      next,
      { records: limits.chunkRecords, bytes: limits.chunkBytes },
      signal,
    )) {
      const text = records.map((record) => `${JSON.stringify(lineOf(record))}\n`).join('')
      await file.appendFile(text)
      onBytes(text.length)
    }
    signal.throwIfAborted()
  } finally {
    await file.close()
    await reader.close()
  }
  return { first, next }
}

/** Appends the records of a copy to an empty partition, in order. */
export async function appendCopy(log: EventLog, at: TopicPartition, path: string, onBytes: OnBytes): Promise<void> {
  const file = await open(path, 'r')
  try {
    for await (const text of file.readLines()) {
      await log.append(at, [recordOf(JSON.parse(text) as Line)])
      onBytes(text.length)
    }
  } finally {
    await file.close()
  }
}
