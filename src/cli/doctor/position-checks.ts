import { isEngineError } from '../../base/errors.js'
import { countRecords } from '../../log/count-records.js'
import type { EventLog, Offset, TopicPartition } from '../../log/event-log.js'
import type { Warehouse } from '../../sinks/warehouse.js'
import { topicsOf, type Stream } from '../../streams/stream.js'
import { count } from '../terminal/terminal.js'

/** The part of a state store that has its positions. */
interface FoldedState {
  stat(at: {
    readonly stream: string
    readonly partition: number
  }): Promise<{ readonly last: Offset; readonly blobs: number } | undefined>
}

/**
 * Checks that compare positions with the log. Each resolves with a text, and throws when a store is ahead of the log,
 * or when the log no longer has records that a store still needs.
 */
export const positionProblems = {
  async state(log: EventLog, store: FoldedState, streams: readonly Stream[]): Promise<string> {
    let [entities, partitions, claimed] = [0, 0, 0]
    const problems: string[] = []
    for (const stream of streams)
      for (let partition = 0; partition < stream.partitions; partition++) {
        partitions++
        const at = { topic: topicsOf(stream).events, partition }
        const [stat, bounds] = await Promise.all([store.stat({ stream: stream.name, partition }), boundsOf(log, at)])
        if (stat === undefined) continue
        claimed++
        entities += stat.blobs
        problems.push(...problemsOf(at, stat.last + 1, bounds, 'state'))
      }
    if (problems.length > 0) throw new Error(problems.join('; '))
    return `${count(entities)} entities; ${claimed} of ${partitions} partitions have an owner or had one`
  },

  async warehouse(log: EventLog, warehouse: Warehouse): Promise<string> {
    const [there] = await warehouse.query(
      "SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'progress'",
    )
    const marks =
      there === undefined
        ? []
        : await warehouse.query<TopicPartition & { table: string; next: number }>(
            'SELECT table_name AS table, topic, partition, toFloat64(next) AS next FROM progress FINAL ORDER ' +
              'BY table, topic, partition',
          )
    let lagRecords = 0
    const problems: string[] = []
    for (const { table, topic, partition, next } of marks) {
      const bounds = await boundsOf(log, { topic, partition })
      problems.push(...problemsOf({ topic, partition }, next, bounds, `table ${table}`))
      if (bounds !== undefined)
        lagRecords += await countRecords(log, { topic, partition }, { from: next, to: bounds.next })
    }
    if (problems.length > 0) throw new Error(problems.join('; '))
    return marks.length === 0
      ? 'nothing is stored yet'
      : `reads ${marks.length} partitions, ${count(lagRecords)} records behind the log`
  },
}

function problemsOf(
  { topic, partition }: TopicPartition,
  next: Offset,
  bounds: { readonly first: Offset; readonly next: Offset } | undefined,
  reader: string,
): readonly string[] {
  if (bounds === undefined)
    return [
      `${reader} is at offset ${next} of ${topic}/${partition}, but there is no such topic: it was removed, or ` +
        'these are other brokers',
    ]
  if (next > bounds.next)
    return [
      `${reader} is at offset ${next} of ${topic}/${partition}, which ends at ${bounds.next}: the topic was ` +
        'recreated, or these are other brokers',
    ]
  if (next > 0 && next < bounds.first)
    return [
      `${reader} is at offset ${next} of ${topic}/${partition}, which begins at ${bounds.first}: retention ` +
        `removed ${count(bounds.first - next)} records before they were read`,
    ]
  return []
}

async function boundsOf(
  log: EventLog,
  at: TopicPartition,
): Promise<{ readonly first: Offset; readonly next: Offset } | undefined> {
  try {
    return await log.bounds(at)
  } catch (error) {
    if (isEngineError(error, 'TOPIC_MISMATCH')) return undefined
    throw error
  }
}
