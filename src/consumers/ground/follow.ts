import { createConditions } from '../../base/conditions.js'
import { failureOf } from '../../base/failure.js'
import type { EventLog, LogRecord, Offset, ReadBound, TopicPartition } from '../../log/event-log.js'
import { readUpTo } from '../../log/read-up-to.js'
import { patientLog, type RetryPolicy } from './retry.js'

export interface FollowOptions {
  readonly log: Pick<EventLog, 'bounds' | 'reader'>
  readonly at: TopicPartition
  readonly bound: ReadBound
  /** Takes the records that were read, in order. If it throws, following ends. */
  readonly take: (records: readonly LogRecord[]) => void
  readonly retry: Omit<RetryPolicy, 'signal'>
}

/** One partition of a topic, read from its beginning and then followed. */
export interface Following {
  /** Every record before this offset was taken. */
  position(): Offset
  /** Resolves when the condition holds or the signal aborts. The condition is checked after every read. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void>
  /** Rejects when the topic cannot be read any more; never resolves. */
  readonly failed: Promise<never>
  close(): Promise<void>
}

/** Reads all records that the partition has now, resolves, and follows it until closed. Errors of the log. */
export async function followTopic({ log, at, bound, take, retry }: FollowOptions): Promise<Following> {
  const closing = new AbortController()
  const { signal } = closing
  const patient = patientLog(log, { ...retry, signal })
  const reader = patient.reader(at)
  const conditions = createConditions()
  let position: Offset = 0

  function taken(records: readonly LogRecord[]): void {
    if (records.length === 0) return
    take(records)
    position = records.at(-1)!.offset + 1
    conditions.changed()
  }

  async function follow(): Promise<void> {
    while (!signal.aborted) taken(await reader.read(position, bound, signal))
  }

  try {
    const { next } = await patient.bounds(at)
    for await (const records of readUpTo(reader, position, next, bound, signal)) taken(records)
    position = Math.max(position, next)
  } catch (error) {
    await reader.close()
    throw error
  }
  const following = follow()
  return {
    position: () => position,
    until: (condition, over) => conditions.until(condition, AbortSignal.any([over, signal])),
    failed: failureOf(following),
    async close() {
      closing.abort()
      await following.catch(() => undefined)
      await reader.close()
    },
  }
}
