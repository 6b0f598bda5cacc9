import { EngineError, type LostOffsets } from '../../base/errors.js'
import type { RowPlace } from '../../log/blocks/codec.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'
import type { OwnedPartition } from './owned.js'

const describe = (at: TopicPartition): string => `${at.topic}/${at.partition}`

/** Losses that operators have accepted. */
interface AcceptedLoss {
  isAccepted(code: string, lost: LostOffsets): boolean
}

interface Bounds {
  readonly first: Offset
  readonly next: Offset
}

/**
 * State is committed only after its blocks are durable. So if the blocks end before the state does, blocks were lost.
 * Throws GAP, or LOG_RESET if the topic is empty.
 */
export async function refuseLostResults({
  log,
  owned: { input, results },
  last,
  covered,
  rules,
}: {
  readonly log: LogView
  readonly owned: OwnedPartition
  readonly last: Offset
  readonly covered: Offset
  readonly rules: AcceptedLoss
}): Promise<void> {
  if (covered >= last) return
  if (covered >= 0) {
    const lost = { topic: input.topic, from: covered + 1, to: last }
    if (!rules.isAccepted('GAP', lost))
      throw new EngineError(
        'GAP',
        `${describe(results)} ends with offset ${covered}, the state ends at ${last}: predictions were ` +
          `lost. Restore the topic, or accept that those of offsets ${lost.from} to ${lost.to} are lost to ` +
          'readers that have not read them',
        { lost },
      )
  } else if ((await log.bounds(results)).next === 0) {
    const lost = { topic: results.topic, from: 0, to: last }
    if (!rules.isAccepted('LOG_RESET', lost))
      throw new EngineError(
        'LOG_RESET',
        `${describe(results)} is empty, but the state ends at ${last}: the topic was recreated. ` +
          `Restore it, or accept that predictions up to offset ${last} are lost to readers that have not read them`,
        { lost },
      )
  }
}

/**
 * Throws LOG_RESET if the log does not hold the events that were scored: it ends before them, or has another record at
 * the offset of the last one.
 */
export async function refuseReset({
  log,
  input,
  reached,
  bounds,
  lastRow,
}: {
  readonly log: LogView
  readonly input: TopicPartition
  readonly reached: Offset
  readonly bounds: Bounds
  readonly lastRow: RowPlace | undefined
}): Promise<void> {
  const lost = { topic: input.topic, from: 0, to: reached }
  const advice =
    'the topic was recreated. Restore it, or accept that the partition begins again with the first event ' +
    'in the log, without any history'
  if (reached >= bounds.next)
    throw new EngineError(
      'LOG_RESET',
      `${describe(input)} ends at offset ${bounds.next - 1}, but offset ${reached} was already scored: ${advice}`,
      { lost },
    )
  if (lastRow === undefined || lastRow.offset < bounds.first) return
  const timeMs = await timeOf(log, input, lastRow.offset)
  if (timeMs !== undefined && timeMs !== lastRow.recordTimeMs)
    throw new EngineError(
      'LOG_RESET',
      `offset ${lastRow.offset} of ${describe(input)} has the log time ${timeText(timeMs)}, the ` +
        `event that was scored there had ${timeText(lastRow.recordTimeMs)}: ${advice}`,
      { lost },
    )
}

/** Producers may write any number as a log time. */
const timeText = (timeMs: number): string =>
  Math.abs(timeMs) <= 8.64e15 ? new Date(timeMs).toISOString() : String(timeMs)

/** The log time of the record at an offset; undefined if the log no longer has it. */
async function timeOf(log: LogView, at: TopicPartition, offset: Offset): Promise<number | undefined> {
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

/** Throws GAP if retention removed events before they had a result, unless an operator accepted that. */
export function refuseGap({
  input,
  reached,
  bounds,
  rules,
}: {
  readonly input: TopicPartition
  readonly reached: Offset
  readonly bounds: Bounds
  readonly rules: AcceptedLoss
}): void {
  if (reached < 0 || reached + 1 >= bounds.first) return
  const lost = { topic: input.topic, from: reached + 1, to: bounds.first - 1 }
  if (!rules.isAccepted('GAP', lost))
    throw new EngineError(
      'GAP',
      `${describe(input)} begins at offset ${bounds.first}, the last event that was scored is ${reached}: ` +
        `retention removed events ${lost.from} to ${lost.to} before they had a result. Accept that they are ` +
        'lost, and keep the log for longer',
      { lost },
    )
}
