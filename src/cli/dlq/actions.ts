import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { limits } from '../../base/limits.js'
import type { RedriveOutcome } from '../../contracts/dead-letters.js'
import { askFirst } from '../terminal/ask.js'
import { connect, failure, type Client } from '../client/client.js'
import { filters, deadLetterColumns, tally, type DeadLetterOptions, type DeadLetterRow } from './rows.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { reads, talksToEngine } from '../client/options.js'
import { numberWithin } from '../terminal/options.js'
import { progressOn } from '../terminal/progress.js'
import { print, printJson, say, table, type Column, type Terminal } from '../terminal/terminal.js'

type Result = { readonly letter: DeadLetterRow } & RedriveOutcome

interface RedriveOptions extends DeadLetterOptions {
  readonly stream: string
  readonly rate: number
  readonly dryRun?: boolean
  readonly evenBad?: boolean
}

interface PurgeOptions extends DeadLetterOptions {
  readonly stream: string
  readonly all?: boolean
  readonly dryRun?: boolean
  readonly yes?: boolean
}

const most = 1_000_000

export function actionsOn(group: Command, terminal: Terminal): void {
  filters(
    reads(talksToEngine(group.command('redrive')))
      .summary('send the events of new letters in again')
      .requiredOption('--stream <name>', 'of this stream'),
  )
    .description(
      'Sends the same bytes under the same key to the same partition, the oldest first. Repeating it, or a ' +
        'crash in between, sends none twice. A letter whose event would still be bad stays where it is. Exit ' +
        'code 1 when some stay.',
    )
    .option('--rate <events/s>', 'at most so many a second', numberWithin(1, 100_000), 500)
    .option('--limit <letters>', 'at most so many', numberWithin(1, most), most)
    .option('--dry-run', 'only say what each event would become today: scored, late, duplicate or still bad')
    .option('--even-bad', 'also send what is still bad, which then becomes a letter again (operator keys)')
    .action(async (options: RedriveOptions) => {
      const results = await redrive(await connect(options, terminal.interrupted), options, terminal)
      const stay = results.filter(({ becomes }) => becomes === 'bad').length
      const counts = Object.fromEntries(
        [...new Set(results.map(({ becomes }) => becomes))].map((word) => [
          word,
          results.filter(({ becomes }) => becomes === word).length,
        ]),
      )
      if (options.json === true) await printJson(terminal, { dry_run: options.dryRun === true, counts, results })
      else if (results.length === 0) say(terminal, 'no new dead letters match')
      else {
        if (options.dryRun === true) await print(terminal, table(resultColumns, results))
        say(
          terminal,
          `${results.length} letters: ` +
            tally(results.map(({ becomes }) => (becomes === 'bad' ? 'still bad' : becomes))),
        )
      }
      if (stay > 0 && options.dryRun !== true)
        throw new CommandFailed(
          exits.failed,
          `${stay} of ${results.length} letters would still be bad and stay: ` +
            `${tally(results.flatMap((result) => (result.becomes === 'bad' ? [result.code] : [])))}; ` +
            `'tidemill dlq redrive --dry-run' says why`,
        )
    })

  filters(
    reads(talksToEngine(group.command('purge')))
      .summary('mark new letters as of no use')
      .requiredOption('--stream <name>', 'of this stream'),
  )
    .description(
      'Counts the letters first and asks. Purged letters are no longer listed as new and never redriven; ' +
        'their bytes stay in the log until its retention has passed them.',
    )
    .option('--all', 'all of the stream, where nothing else says which')
    .option('--limit <letters>', 'at most so many', numberWithin(1, most), most)
    .option('--dry-run', 'only count')
    .option('--yes', 'do not ask')
    .action(async (options: PurgeOptions) => {
      const { partition, code, stage, tenant, from, to } = options
      if (options.all !== true && [partition, code, stage, tenant, from, to].every((one) => one === undefined))
        throw new CommandFailed(
          exits.usage,
          'say which letters: --code, --stage, --tenant, --partition, --from, --to, or --all',
        )
      const client = await connect(options, terminal.interrupted)
      const meant = await purge(client, options, terminal, true)
      const byCode = tally(meant.map((letter) => letter.code))
      if (meant.length > 0 && options.dryRun !== true && options.yes !== true)
        await askFirst(terminal, `Purge ${meant.length} letters of ${options.stream} (${byCode})?`)
      // Those that were counted, and not what came meanwhile.
      const purged =
        options.dryRun === true || meant.length === 0
          ? []
          : await purge(client, { ...options, limit: meant.length }, terminal, false)
      if (options.json === true)
        return printJson(terminal, {
          dry_run: options.dryRun === true,
          found: meant.length,
          purged: purged.length,
          by_code: byCode,
        })
      say(
        terminal,
        meant.length === 0
          ? 'no new dead letters match'
          : options.dryRun === true
            ? `${meant.length} letters would be purged: ${byCode}`
            : `${purged.length} letters are purged: ${byCode}`,
      )
    })
}

function wouldBe(result: Result): string {
  if (result.becomes === 'bad') return `still bad, ${result.code}: ${result.reason}`
  return 'score' in result ? `${result.becomes}, ${result.score.toFixed(3)} (${result.risk})` : result.becomes
}

const resultColumns: readonly Column<Result>[] = [
  ...deadLetterColumns
    .slice(0, 6)
    .map(({ cell, ...column }) => ({ ...column, cell: ({ letter }: Result) => cell(letter) })),
  { title: 'would be', cell: wouldBe },
]

const bodyOf = ({ stream, partition, code, stage, tenant, from, to }: DeadLetterOptions): object => ({
  stream,
  partition,
  code,
  stage,
  tenant,
  from,
  to,
})

/** Page after page, no faster than the rate. */
async function redrive(client: Client, options: RedriveOptions, terminal: Terminal): Promise<readonly Result[]> {
  const { rate, dryRun = false, evenBad = false } = options
  const results: Result[] = []
  const progress = progressOn(terminal, dryRun ? 'letters tried' : 'letters redriven')
  const pageSize = Math.min(limits.apiPage, dryRun ? limits.apiPage : rate)
  const startedMs = systemClock.nowMs()
  let sent = 0
  await pages(terminal, options.limit, async (cursor) => {
    const page = await post<{ results: readonly Result[]; next: string | null }>(client, 'redrive', {
      ...bodyOf(options),
      limit: Math.min(pageSize, options.limit - results.length),
      cursor,
      dry_run: dryRun,
      even_bad: evenBad,
    })
    results.push(...page.results)
    progress.update(results.length)
    sent += page.results.filter(({ becomes }) => becomes === 'redriven').length
    if (page.next !== null && !dryRun)
      await systemClock.sleep(
        Math.max(0, startedMs + (sent / rate) * 1_000 - systemClock.nowMs()),
        terminal.interrupted,
      )
    return { next: page.next, count: results.length }
  })
  progress.end()
  return results
}

async function purge(
  client: Client,
  options: PurgeOptions,
  terminal: Terminal,
  dryRun: boolean,
): Promise<readonly DeadLetterRow[]> {
  const letters: DeadLetterRow[] = []
  await pages(terminal, options.limit, async (cursor) => {
    const page = await post<{ letters: readonly DeadLetterRow[]; next: string | null }>(client, 'purge', {
      ...bodyOf(options),
      all: options.all,
      limit: Math.min(limits.apiPage, options.limit - letters.length),
      cursor,
      dry_run: dryRun,
    })
    letters.push(...page.letters)
    return { next: page.next, count: letters.length }
  })
  return letters
}

async function pages(
  terminal: Terminal,
  limit: number,
  turn: (cursor: string | undefined) => Promise<{ next: string | null; count: number }>,
): Promise<void> {
  for (let cursor: string | undefined; ;) {
    const { next, count } = await turn(cursor)
    terminal.interrupted.throwIfAborted()
    if (next === null || count >= limit) return
    cursor = next
  }
}

async function post<Body>(client: Client, action: string, body: object): Promise<Body> {
  const answer = await client.post(`/api/v2/dead-letters/${action}`, JSON.stringify(body), 'application/json')
  if (answer.status !== 200) throw failure(answer.status, answer.body)
  return answer.body as Body
}
