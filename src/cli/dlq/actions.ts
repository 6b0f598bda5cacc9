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
import { print, printJson, printMessage, table, type Column, type Terminal } from '../terminal/terminal.js'

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
  redriveOn(group, terminal)
  purgeOn(group, terminal)
}

function redriveOn(group: Command, terminal: Terminal): void {
  filters(
    reads(talksToEngine(group.command('redrive')))
      .summary('send the events of new dead letters again')
      .requiredOption('--stream <name>', 'stream of the dead letters'),
  )
    .description(
      'Sends the same bytes under the same key to the same partition, the oldest first. Repeating the command, or a ' +
        'crash in between, sends none twice. The command does not send an event that would still be bad. Exit code 1 ' +
        'when there are such events.',
    )
    .option('--rate <events/s>', 'send at most this many per second', numberWithin(1, 100_000), 500)
    .option('--limit <number>', 'stop after this many', numberWithin(1, most), most)
    .option('--dry-run', 'only print what each event would become now: scored, late, duplicate or still bad')
    .option('--even-bad', 'also send events that are still bad; each becomes a dead letter again (for operator keys)')
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
      else if (results.length === 0) printMessage(terminal, 'no new dead letters match')
      else {
        if (options.dryRun === true) await print(terminal, table(resultColumns, results))
        printMessage(
          terminal,
          `${results.length} dead letters: ` +
            tally(results.map(({ becomes }) => (becomes === 'bad' ? 'still bad' : becomes))),
        )
      }
      if (stay > 0 && options.dryRun !== true)
        throw new CommandFailed(
          exits.failed,
          `${stay} of ${results.length} events would still be bad and were not sent: ` +
            `${tally(results.flatMap((result) => (result.becomes === 'bad' ? [result.code] : [])))}; ` +
            `'tidemill dlq redrive --dry-run' prints the reasons`,
        )
    })
}

function purgeOn(group: Command, terminal: Terminal): void {
  filters(
    reads(talksToEngine(group.command('purge')))
      .summary('mark new dead letters as purged')
      .requiredOption('--stream <name>', 'stream of the dead letters'),
  )
    .description(
      'Counts the dead letters first and asks. The list no longer shows purged ones as new, and they are never ' +
        'redriven. Their bytes stay in the log until its retention removes them.',
    )
    .option('--all', 'purge all of the stream; needed when no other option chooses')
    .option('--limit <number>', 'stop after this many', numberWithin(1, most), most)
    .option('--dry-run', 'only count them')
    .option('--yes', 'do not ask for confirmation')
    .action(async (options: PurgeOptions) => {
      const { partition, code, stage, tenant, from, to } = options
      if (options.all !== true && [partition, code, stage, tenant, from, to].every((one) => one === undefined))
        throw new CommandFailed(
          exits.usage,
          'choose dead letters with --code, --stage, --tenant, --partition, --from or --to, or give --all',
        )
      const client = await connect(options, terminal.interrupted)
      const chosen = await purge(client, options, terminal, true)
      const byCode = tally(chosen.map(({ code }) => code))
      if (chosen.length > 0 && options.dryRun !== true && options.yes !== true)
        await askFirst(terminal, `Purge ${chosen.length} dead letters of ${options.stream} (${byCode})?`)
      // Purges as many as were counted, not those that came meanwhile.
      const purged =
        options.dryRun === true || chosen.length === 0
          ? []
          : await purge(client, { ...options, limit: chosen.length }, terminal, false)
      if (options.json === true)
        return printJson(terminal, {
          dry_run: options.dryRun === true,
          found: chosen.length,
          purged: purged.length,
          by_code: byCode,
        })
      printMessage(
        terminal,
        chosen.length === 0
          ? 'no new dead letters match'
          : options.dryRun === true
            ? `would purge ${chosen.length} dead letters: ${byCode}`
            : `purged ${purged.length} dead letters: ${byCode}`,
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
    .map(({ cell, ...column }) => ({ ...column, cell: (result: Result) => cell(result.letter) })),
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

/** Redrives page by page, no faster than the rate. */
async function redrive(client: Client, options: RedriveOptions, terminal: Terminal): Promise<readonly Result[]> {
  const { rate, dryRun = false, evenBad = false } = options
  const results: Result[] = []
  const progress = progressOn(terminal, dryRun ? 'dead letters tried' : 'dead letters redriven')
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
  const deadLetters: DeadLetterRow[] = []
  await pages(terminal, options.limit, async (cursor) => {
    const page = await post<{ letters: readonly DeadLetterRow[]; next: string | null }>(client, 'purge', {
      ...bodyOf(options),
      all: options.all,
      limit: Math.min(limits.apiPage, options.limit - deadLetters.length),
      cursor,
      dry_run: dryRun,
    })
    deadLetters.push(...page.letters)
    return { next: page.next, count: deadLetters.length }
  })
  return deadLetters
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
