import { writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Option, type Command } from 'commander'
import { limits } from '../../base/limits.js'
import { answerFormats, type AnswerFormat, type SelectedRows } from '../../contracts/predictions.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { connect, failure, type Client } from '../client/client.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { numberWithin } from '../terminal/options.js'
import { print, printJson, printMessage, styled, table, type Terminal } from '../terminal/terminal.js'

interface SqlOptions extends ReadOptions {
  readonly limit: number
  readonly format?: AnswerFormat
  readonly out?: string
}

export function sqlCommand(parent: Command, terminal: Terminal): void {
  reads(talksToEngine(parent.command('sql')))
    .summary('query the warehouse of a running engine with SQL')
    .description(
      "Runs one SELECT, in ClickHouse's dialect, over the tables and views of the warehouse, or SHOW TABLES, " +
        'DESCRIBE a table, EXPLAIN a SELECT. It cannot write. Needs an operator key. Integers of 64 bits and more ' +
        '(count(), ver) and decimals are text in JSON, with all their digits.',
    )
    .argument('<select>', "the statement; '-' reads it from standard input")
    .option('--limit <rows>', 'print at most this many', numberWithin(1, limits.sqlRows), 1_000)
    .addOption(
      new Option(
        '--format <format>',
        'write the whole answer as a file of this format; --limit does not apply',
      ).choices(answerFormats),
    )
    .option('--out <file>', 'write the answer of --format to this file instead of standard output')
    .action(async (statement: string, options: SqlOptions) => {
      const client = await connect(options, terminal.interrupted)
      const sql = statement === '-' ? await text(terminal.in) : statement
      if (options.format !== undefined) return download(client, sql, options.format, options.out, terminal)
      if (options.out !== undefined) throw new CommandFailed(exits.usage, '--out needs --format')
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

async function download(
  client: Client,
  sql: string,
  format: AnswerFormat,
  out: string | undefined,
  terminal: Terminal,
): Promise<void> {
  if (format === 'Parquet' && out === undefined && terminal.out.isTTY === true)
    throw new CommandFailed(exits.usage, 'a terminal cannot show Parquet; name a file with --out')
  const bytes = await client.download('/api/v2/sql', JSON.stringify({ sql, format }))
  if (out !== undefined) await writeFile(out, bytes)
  else await print(terminal, bytes)
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
