import { EngineError } from '../../base/errors.js'
import type { RowPlace } from '../../log/blocks/codec.js'
import type { EventLog, Offset, TopicPartition } from '../../log/event-log.js'
import type { ClaimRules } from './claim.js'
import { patiently, type Patience } from './retry.js'

const describe = (at: TopicPartition): string => `${at.topic}/${at.partition}`

interface Bounds {
  readonly first: Offset
  readonly next: Offset
}

/**
 * State is committed only after its blocks are durable, so blocks that end before it were lost. GAP, or LOG_RESET where
 * all of them are.
 */
export async function refuseLostPredictions({
  log,
  events,
  predictions,
  last,
  covered,
  patience,
  rules,
}: {
  readonly log: EventLog
  readonly events: TopicPartition
  readonly predictions: TopicPartition
  readonly last: Offset
  readonly covered: Offset
  readonly patience: Patience
  readonly rules: ClaimRules
}): Promise<void> {
  if (covered >= last) return
  if (covered >= 0) {
    const lost = { topic: events.topic, from: covered + 1, to: last }
    if (!rules.isAccepted('GAP', lost))
      throw new EngineError(
        'GAP',
        `${describe(predictions)} ends with offset ${covered}, the state stands at ${last}: predictions were ` +
          `lost. Restore the topic, or accept that those of offsets ${lost.from} to ${lost.to} are lost to ` +
          'whoever has not read them',
        { lost },
      )
  } else if ((await patiently(() => log.bounds(predictions), patience)).next === 0) {
    const lost = { topic: predictions.topic, from: 0, to: last }
    if (!rules.isAccepted('LOG_RESET', lost))
      throw new EngineError(
        'LOG_RESET',
        `${describe(predictions)} is empty, but the state stands at ${last}: the topic was made anew. ` +
          `Restore it, or accept that predictions up to offset ${last} are lost to whoever has not read them`,
        { lost },
      )
  }
}

/**
 * LOG_RESET where the events that were scored are not those of the log: it ends before them, or has another record in
 * the place of the last.
 */
export async function refuseReset({
  log,
  events,
  reached,
  bounds,
  lastRow,
  patience,
}: {
  readonly log: EventLog
  readonly events: TopicPartition
  readonly reached: Offset
  readonly bounds: Bounds
  readonly lastRow: RowPlace | undefined
  readonly patience: Patience
}): Promise<void> {
  const lost = { topic: events.topic, from: 0, to: reached }
  const what =
    'the topic was made anew. Restore it, or accept that the partition begins again with the first event ' +
    'that is there, without any history'
  if (reached >= bounds.next)
    throw new EngineError(
      'LOG_RESET',
      `${describe(events)} ends at offset ${bounds.next - 1}, but offset ${reached} was already scored: ${what}`,
      { lost },
    )
  if (lastRow === undefined || lastRow.offset < bounds.first) return
  const timeMs = await patiently(() => timeOf(log, events, lastRow.offset), patience)
  if (timeMs !== undefined && timeMs !== lastRow.recordTimeMs)
    throw new EngineError(
      'LOG_RESET',
      `offset ${lastRow.offset} of ${describe(events)} was written at ${new Date(timeMs).toISOString()}, the ` +
        `event that was scored there at ${new Date(lastRow.recordTimeMs).toISOString()}: ${what}`,
      { lost },
    )
}

/** The log time of the record at an offset; undefined where there is none any more. */
async function timeOf(log: EventLog, at: TopicPartition, offset: Offset): Promise<number | undefined> {
  const reader = log.reader(at)
  try {
    const [record] = await reader.read(
      offset,
      { records: 1, bytes: 1, until: offset + 1 },
      new AbortController().signal,
    )
    return record?.offset === offset ? record.timestampMs : undefined
  } finally {
    await reader.close()
  }
}

/** GAP where retention has passed events before they had their result, unless that was accepted. */
export function refuseGap({
  events,
  reached,
  bounds,
  rules,
}: {
  readonly events: TopicPartition
  readonly reached: Offset
  readonly bounds: Bounds
  readonly rules: ClaimRules
}): void {
  if (reached < 0 || reached + 1 >= bounds.first) return
  const lost = { topic: events.topic, from: reached + 1, to: bounds.first - 1 }
  if (!rules.isAccepted('GAP', lost))
    throw new EngineError(
      'GAP',
      `${describe(events)} begins at offset ${bounds.first}, the last event that was scored is ${reached}: ` +
        `retention removed events ${lost.from} to ${lost.to} before they had a result. Accept that they are ` +
        'lost, and keep the log for longer',
      { lost },
    )
}
