import type { LogRecord, Offset } from '../../log/event-log.js'
import type { Take, Taken } from './feeds.js'
import type { EarlierRows } from './progress.js'

/** `aside`: an operator accepted that the table lacks these rows. Earlier rows: these rows repeat them. */
export type Fate = 'new' | 'aside' | EarlierRows

/** Records of a read that are stored together. */
export interface Piece<Data> extends Taken<Data> {
  readonly from: Offset
  readonly next: Offset
  readonly records: number
  readonly fate: Fate
}

/** All records of a read as one piece. */
export const wholePiece = <Data>(records: readonly LogRecord[], take: Take<Data>): Piece<Data> => ({
  ...take(records),
  from: records[0]!.offset,
  next: records.at(-1)!.offset + 1,
  records: records.length,
  fate: 'new',
})

/** The records of a read, cut where their fate changes. */
export function cutPieces<Data>(
  records: readonly LogRecord[],
  take: Take<Data>,
  fateOf: (offset: Offset, taken: Taken<Data>) => Fate,
): readonly Piece<Data>[] {
  const pieces: Piece<Data>[] = []
  for (const record of records) {
    const one = wholePiece([record], take)
    const fate = fateOf(record.offset, one)
    const last = pieces.at(-1)
    if (last?.fate === fate) pieces[pieces.length - 1] = joined(last, one)
    else pieces.push({ ...one, fate })
  }
  return pieces
}

const joined = <Data>(one: Piece<Data>, other: Piece<Data>): Piece<Data> => ({
  ...one,
  data: [...one.data, ...other.data],
  rows: one.rows + other.rows,
  bytes: one.bytes + other.bytes,
  covered: other.covered,
  epoch: other.epoch,
  next: other.next,
  records: one.records + other.records,
})
