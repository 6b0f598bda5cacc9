import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { limits } from '../../base/limits.js'
import type { SelectedRows } from '../../contracts/predictions.js'
import { connect, failure } from '../client/client.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { numberWithin } from '../terminal/options.js'
import { print, printJson, printMessage, styled, table, type Terminal } from '../terminal/terminal.js'

export function sqlCommand(parent: Command, terminal: Terminal): void {
  reads(talksToEngine(parent.command('sql')))
    .summary('query the warehouse of a running engine with SQL')
    .description(
      "Runs one SELECT, in ClickHouse's dialect, over the tables and views of the warehouse. It cannot write. Needs " +
        'an operator key. Integers of 64 bits and more (count(), ver) and decimals are text in JSON, with all their ' +
        'digits.',
    )
    .argument('<select>', "the statement; '-' reads it from standard input")
    .option('--limit <rows>', 'print at most this many', numberWithin(1, limits.sqlRows), 1_000)
    .action(async (statement: string, options: ReadOptions & { readonly limit: number }) => {
      const client = await connect(options, terminal.interrupted)
      const sql = statement === '-' ? await text(terminal.in) : statement
      const { status, body } = await client.post(
        '/api/v2/sql',
        JSON.stringify({ sql, limit: options.limit }),
        'application/json',
      )
      if (status !== 200) throw failure(status, body)
      const { rows, more } = body as SelectedRows
      if (options.json === true) await printJson(terminal, body)
      else if (rows.length === 0) return printMessage(terminal, 'no rows')
      else await print(terminal, tableOf(rows))
      if (more) printMessage(terminal, styled(terminal, 'err', 'dim', `there are more; --limit is ${options.limit}`))
    })
}

/** Aligns columns of numbers to the right. */
function tableOf(rows: SelectedRows['rows']): string {
  const titles = Object.keys(rows[0]!)
  return table<SelectedRows['rows'][number]>(
    titles.map((title) => ({
      title,
      cell: (row) => cellOf(row[title]),
      ...(rows.every((row) => isNumeric(row[title])) ? { right: true as const } : {}),
    })),
    rows,
  )
}

/** Integers of 64 bits and decimals are text with all their digits. */
const isNumeric = (value: unknown): boolean =>
  value === null || typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))

const cellOf = (value: unknown): string =>
  value === null ? '-' : typeof value === 'string' ? value : JSON.stringify(value)
