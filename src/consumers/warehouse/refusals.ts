import type { LostOffsets } from '../../base/errors.js'
import type { StoppedPartition } from '../../contracts/partitions.js'
import type { LogRecord, Offset } from '../../log/event-log.js'
import type { Place } from '../control/kinds/place.js'
import type { Stops } from '../control/stops.js'

/** Records of one partition that the warehouse refused, as the control topic knows them. */
export interface Refusals {
  /** The refusal that holds the partition now. */
  held(): StoppedPartition | undefined
  /** Of which offsets an operator accepted that the table lacks the rows. */
  aside(): readonly { readonly from: Offset; readonly to: Offset }[]
  /** The records up to where the held ones begin; then those alone, so that each attempt is about the same records. */
  limited(records: readonly LogRecord[]): readonly LogRecord[]
}

const codes: readonly string[] = ['ROWS_REFUSED', 'WAREHOUSE_REFUSED']

/** Stops that the engine also tries to resolve by itself, again and again. */
export const isRetried = (code: string): boolean => codes.includes(code)

export function refusalsOf(stops: Stops | undefined, place: Place): Refusals {
  const aside = (): readonly LostOffsets[] =>
    (stops?.accepted() ?? [])
      .filter(
        ({ reader, topic, partition, code }) =>
          reader === place.reader && topic === place.topic && partition === place.partition && isRetried(code),
      )
      .map(({ lost }) => lost)
  const held = (): StoppedPartition | undefined =>
    stops
      ?.stopped()
      .find(
        ({ reader, topic, partition, code }) =>
          reader === place.reader && topic === place.topic && partition === place.partition && isRetried(code),
      )
  return {
    held,
    aside,
    limited(records) {
      const lost = held()?.lost ?? undefined
      const first = records[0]!.offset
      if (lost === undefined || lost.to < first) return records
      const end = first < lost.from ? lost.from - 1 : lost.to
      const within = records.findIndex(({ offset }) => offset > end)
      return within <= 0 ? records : records.slice(0, within)
    },
  }
}
