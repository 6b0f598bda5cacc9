import type { LogRecord, Offset } from '../../log/event-log.js'
import type { Take, Taken } from './feeds.js'

/** Records of a read that are stored together. */
export interface Piece<Data, Fate> extends Taken<Data> {
  readonly from: Offset
  readonly next: Offset
  readonly records: number
  /** What becomes of these records; the same value for all of them. */
  readonly fate: Fate
}

/** The records of a read as few pieces: cut where their fate changes. */
export function piecesOf<Data, Fate>(
  records: readonly LogRecord[],
  take: Take<Data>,
  fateOf: (record: LogRecord) => Fate,
): readonly Piece<Data, Fate>[] {
  const pieces: Piece<Data, Fate>[] = []
  for (let from = 0, to = 1; from < records.length; from = to++) {
    const fate = fateOf(records[from]!)
    while (to < records.length && fateOf(records[to]!) === fate) to++
    const together = records.slice(from, to)
    pieces.push({
      ...take(together),
      from: together[0]!.offset,
      next: together.at(-1)!.offset + 1,
      records: together.length,
      fate,
    })
  }
  return pieces
}
