import { Option, type Command } from 'commander'
import type { DeadLetter } from '../../contracts/dead-letters.js'
import { type ReadOptions } from '../client/options.js'
import { numberWithin } from '../terminal/options.js'
import type { Column } from '../terminal/terminal.js'

/** Options that choose dead letters. */
export interface DeadLetterOptions extends ReadOptions {
  readonly stream?: string
  readonly partition?: number
  readonly code?: string
  readonly stage?: string
  readonly tenant?: string
  readonly from?: string
  readonly to?: string
  readonly limit: number
}

export const filters = (command: Command): Command =>
  command
    .option('--partition <number>', 'only of this partition', numberWithin(0, 100_000))
    .option('--code <code>', 'only with this error code: BAD_JSON, BAD_FIELD, UNKNOWN_TENANT ...')
    .addOption(
      new Option('--stage <stage>', 'only those that failed at this stage').choices(['decode', 'check', 'fold']),
    )
    .option('--tenant <id>', "only of this tenant (for operator keys; a tenant's key reads its own)")
    .option('--from <time>', 'only those that were set aside at this time or later (ISO 8601, a date, or epoch ms)')
    .option('--to <time>', 'only those that were set aside before')

/** A dead letter in the API's answer. */
export interface DeadLetterRow extends Omit<DeadLetter, 'timeMs'> {
  readonly time: string
}

const shortened = (text: string, most: number): string => {
  const line = text.replace(/\s+/g, ' ')
  return line.length > most ? `${line.slice(0, most - 3)}...` : line
}

export const deadLetterColumns: readonly Column<DeadLetterRow>[] = [
  { title: 'dead letter', cell: (row) => row.id },
  { title: 'record time', cell: (row) => row.time.slice(0, 19) },
  { title: 'offset', cell: (row) => String(row.offset), right: true },
  { title: 'tenant', cell: (row) => row.tenant ?? '-' },
  { title: 'event', cell: (row) => shortened(row.event_id ?? '-', 40) },
  { title: 'code', cell: (row) => row.code },
  { title: 'redriven', cell: (row) => String(row.attempts), right: true },
  { title: 'state', cell: (row) => row.state },
  { title: 'reason', cell: (row) => shortened(row.reason, 80) },
]

/** 12 BAD_JSON, 3 BAD_FIELD: the most frequent first. */
export function tally(words: Iterable<string>): string {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ')
}
