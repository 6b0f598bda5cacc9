import type { LogRecord, LogView, Offset } from '../../log/event-log.js'
import { readPartition } from '../ground/read-partition.js'
import { controlTopic } from '../ground/topic-names.js'
import { readDecision, type Decision, type UnknownDecision } from './decision.js'

/** Builds a value from the decisions. Equal records give equal results, in every process and in a replay. */
export interface Fold {
  /** Takes the decisions one by one, in log order, each id once. `position` is the offset after its record. */
  take(decision: Decision, position: Offset): void
  /** Called with a record that this build cannot read. A fold that it may concern must not ignore it. */
  unknown?(unknown: UnknownDecision, position: Offset): void
}

/** A retry appends a record twice within seconds. Far fewer decisions than this are made in an hour. */
const rememberedIds = 1_000

/** Gives records to folds, each decision once. `onUnknown` also gets the records that this build cannot read. */
export function recordFolder(folds: readonly Fold[], onUnknown: (unknown: UnknownDecision) => void = () => undefined) {
  const ids = new Set<string>()
  const lastOfKey = new Map<string, string>()

  function takeOne(record: LogRecord): void {
    const position = record.offset + 1
    const read = readDecision(record)
    if (read.is === 'unknown') {
      onUnknown(read.unknown)
      for (const fold of folds) fold.unknown?.(read.unknown, position)
      return
    }
    const { decision, key } = read
    if (ids.has(decision.id)) return
    ids.add(decision.id)
    if (ids.size > rememberedIds) ids.delete(ids.values().next().value!)
    lastOfKey.set(key, decision.id)
    for (const fold of folds) fold.take(decision, position)
  }

  return {
    /** Records in log order. */
    take(records: readonly LogRecord[]): void {
      for (const record of records) takeOne(record)
    },
    /** Id of the last decision about a subject; null where there is none. */
    lastOf: (key: string): string | null => lastOfKey.get(key) ?? null,
  }
}

/** The bound of one read of the control topic. */
export const controlBound = { records: 1_000, bytes: 1024 * 1024 }

/** Folds all records that the control topic has now, once. Errors of the log. */
export async function foldControl(view: LogView, folds: readonly Fold[]): Promise<void> {
  const folder = recordFolder(folds)
  for await (const records of readPartition(view, controlTopic, controlBound)) folder.take(records)
}
