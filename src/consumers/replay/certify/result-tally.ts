import type { RowRef } from '../../ground/block-rows.js'
import type { PartitionDigest, Results } from './certificate.js'
import type { StoredDeadLetter } from '../../ground/dead-letter-record.js'
import type { Span } from '../replay-span.js'
import { digestRow, openDigest } from './result-digest.js'

/** Counts and digests the results of one side, span by span. */
export interface Tally {
  row(ref: RowRef): void
  deadLetter(stored: StoredDeadLetter): void
  endSpan(span: Span): PartitionDigest
  end(): Results
}

export function tally(stream: string): Tally {
  const whole = openDigest()
  whole.text(stream)
  const counts = { predictions: 0, duplicates: 0, late: 0, deadLetters: 0 }
  const versions: Record<string, number> = {}
  let rows = openDigest()
  let deadLetters = openDigest()
  return {
    row(ref) {
      const { block, row } = ref
      digestRow(rows, ref)
      counts.late += block.flags[row]! & 1
      if (block.kinds[row] !== 0) {
        counts.duplicates++
        return
      }
      counts.predictions++
      const version = block.versions[block.versionOf[row]!]!
      versions[version] = (versions[version] ?? 0) + 1
    },
    deadLetter({ offset, code, stage, reason }) {
      deadLetters.number(offset)
      for (const text of [code, stage, reason]) deadLetters.text(text)
      counts.deadLetters++
    },
    endSpan({ partition, from, to }) {
      const ended = { rows: rows.end(), deadLetters: deadLetters.end() }
      for (const number of [partition, from, to]) whole.number(number)
      whole.text(ended.rows)
      whole.text(ended.deadLetters)
      rows = openDigest()
      deadLetters = openDigest()
      return ended
    },
    end: () => ({ digest: whole.end(), ...counts, versions }),
  }
}
