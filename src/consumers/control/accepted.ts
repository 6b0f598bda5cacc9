import type { LostOffsets } from '../../base/errors.js'
import type { AcceptedOffsets } from '../../features/memory/bad-share.js'
import type { GateRules } from '../../log/blocks/gate.js'
import type { LogView, Offset, TopicPartition } from '../../log/event-log.js'
import { foldControl } from './fold.js'
import type { Place } from './kinds/place.js'
import { scoringReader } from './stops.js'
import { foldStops, type Accepted } from './stops-fold.js'

/** Whether operators accepted the loss of these offsets for the flow `reader` of the partition. */
export const isAccepted = (
  accepted: readonly Accepted[],
  { reader, topic, partition }: Place,
  code: string,
  lost: LostOffsets,
): boolean =>
  accepted.some(
    (one) =>
      one.reader === reader &&
      one.topic === topic &&
      one.partition === partition &&
      one.code === code &&
      one.lost.topic === lost.topic &&
      one.lost.from <= lost.from &&
      lost.to <= one.lost.to,
  )

/**
 * The control positions at which an operator accepted that the event topic of a partition had been recreated, in
 * order.
 */
export const resetsOf = (accepted: readonly Accepted[], events: TopicPartition): readonly Offset[] =>
  accepted
    .filter(
      ({ reader, topic, partition, code, lost }) =>
        reader === scoringReader &&
        topic === events.topic &&
        partition === events.partition &&
        code === 'LOG_RESET' &&
        lost.topic === topic,
    )
    .map(({ position }) => position)

/** The accepts of operators, as a reader of the control topic knows them. */
export interface AcceptedSource {
  accepted(): readonly Accepted[]
}

/** After these accepts the events are still in the log, and scored. */
const losesNoEvents: ReadonlySet<string> = new Set(['BAD_SHARE', 'ROWS_REFUSED', 'WAREHOUSE_REFUSED'])

/** The rules for readers of an event partition's blocks: all accepted losses of its events, of any flow. */
export const gateRules = (stops: AcceptedSource | undefined, { topic, partition }: TopicPartition): GateRules => ({
  topic,
  isLost: (from, to) =>
    (stops?.accepted() ?? []).some(
      (one) =>
        !losesNoEvents.has(one.code) &&
        one.partition === partition &&
        one.lost.topic === topic &&
        one.lost.from <= from &&
        to <= one.lost.to,
    ),
  generationAt: (control) =>
    resetsOf(stops?.accepted() ?? [], { topic, partition }).filter((position) => position <= control).length,
})

/** The same for a reader that reads blocks once, from the accepts up to now. */
export async function gateRulesNow(view: LogView): Promise<(events: TopicPartition) => GateRules> {
  const fold = foldStops()
  await foldControl(view, [fold])
  return (events) => gateRules(fold, events)
}

/**
 * The accepted stops of a partition for too many bad records, since its topic was last recreated. Such an accept loses
 * no records.
 */
export function acceptedBadShares(stops: AcceptedSource, at: TopicPartition): readonly AcceptedOffsets[] {
  const since = resetsOf(stops.accepted(), at).at(-1) ?? 0
  return stops
    .accepted()
    .filter(
      ({ code, topic, partition, position }) =>
        code === 'BAD_SHARE' && topic === at.topic && partition === at.partition && position > since,
    )
    .map(({ lost }) => lost)
}
