import { InvalidArgumentError, Option, type Command } from 'commander'
import { deadLetterStates, type Bytes, type DeadLetterBody } from '../../contracts/dead-letters.js'
import { limits } from '../../base/limits.js'
import { connect, type Client } from '../client/client.js'
import { actionsOn } from './actions.js'
import { filters, deadLetterColumns, type DeadLetterOptions, type DeadLetterRow } from './rows.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { numberWithin } from '../terminal/options.js'
import { print, printJson, printMessage, styled, table, type Terminal } from '../terminal/terminal.js'

interface Page {
  readonly letters: readonly DeadLetterRow[]
  readonly next: string | null
}

interface Shown extends DeadLetterBody {
  readonly letter: DeadLetterRow
}

export function dlqCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('dlq')
    .summary('read, redrive and purge dead letters')
    .description(
      'A dead letter is a record that the engine could not score, with the reason and its original bytes. The ' +
        'commands read them from the log, so they work while ClickHouse is unreachable. A dead letter is new, ' +
        'redriven or purged.',
    )

  filters(
    reads(talksToEngine(group.command('list')))
      .summary('list dead letters, newest first')
      .option('--stream <name>', 'only of this stream'),
  )
    .addOption(new Option('--state <state>', 'only in this state').choices([...deadLetterStates, 'all']).default('new'))
    .option('--limit <number>', 'print at most this many', numberWithin(1, 1_000_000), 20)
    .action(async (options: DeadLetterOptions & { state: string }) => {
      const page = await find(await connect(options, terminal.interrupted), options)
      if (options.json === true) return printJson(terminal, page)
      if (page.letters.length === 0)
        return printMessage(
          terminal,
          options.state === 'all'
            ? 'no dead letters'
            : `no dead letters that are ${options.state}; --state all lists all`,
        )
      await print(terminal, table(deadLetterColumns, page.letters))
      if (page.next !== null)
        printMessage(terminal, styled(terminal, 'err', 'dim', `there are more; --limit is ${options.limit}`))
    })

  reads(talksToEngine(group.command('show')))
    .summary('show one dead letter: headers, reason, bytes, and what it would become now')
    .argument('<id>', 'id of the dead letter, as the list shows it: attendance/2/17', placeOption)
    .action(async (place: string, options: ReadOptions) => {
      const shown = (await (await connect(options, terminal.interrupted)).get(`/api/v2/dead-letters/${place}`)) as Shown
      await (options.json === true ? printJson(terminal, shown) : print(terminal, shownText(shown)))
    })

  actionsOn(group, terminal)
}

function placeOption(text: string): string {
  const [, stream, partition, position] = /^([^/]+)\/(\d+)\/(\d+)$/.exec(text) ?? []
  if (stream === undefined)
    throw new InvalidArgumentError('It must be stream/partition/position, for example attendance/2/17.')
  return `${encodeURIComponent(stream)}/${partition}/${position}`
}

/** Reads pages until there are as many dead letters as the limit. */
async function find(
  client: Client,
  { stream, partition, code, stage, tenant, from, to, state, limit }: DeadLetterOptions & { readonly state: string },
): Promise<Page> {
  const deadLetters: DeadLetterRow[] = []
  let cursor: string | undefined
  do {
    const page = (await client.get('/api/v2/dead-letters', {
      stream,
      partition,
      code,
      stage,
      tenant,
      from,
      to,
      ...(state !== 'all' && { state }),
      limit: Math.min(limits.apiPage, limit - deadLetters.length),
      cursor,
    })) as Page
    deadLetters.push(...page.letters)
    cursor = page.next ?? undefined
  } while (cursor !== undefined && deadLetters.length < limit)
  return { letters: deadLetters, next: cursor ?? null }
}

function shownText({ letter: deadLetter, key, value, headers, decoded, today }: Shown): string {
  const lines: [string, string][] = [
    ['dead letter', `${deadLetter.id}, ${deadLetter.state}`],
    [
      'record',
      `${deadLetter.stream}, partition ${deadLetter.partition}, offset ${deadLetter.offset}, of ${deadLetter.time}`,
    ],
    ['reason', `${deadLetter.code} at ${deadLetter.stage}: ${deadLetter.reason}`],
    ['stored by', deadLetter.version],
    [
      'redriven',
      deadLetter.attempts === 0
        ? 'never'
        : `${deadLetter.attempts} times; first a dead letter at offset ${deadLetter.origin}`,
    ],
    ['tenant', deadLetter.tenant ?? 'not certain'],
    [
      'today',
      today.becomes === 'bad'
        ? `still bad, ${today.code}: ${today.reason}`
        : today.becomes === 'duplicate'
          ? `a ${today.becomes}`
          : `${today.becomes}, ${today.score.toFixed(3)} (${today.risk})`,
    ],
    ['key', bytesText(key)],
    ...Object.entries(headers).map(([name, bytes]): [string, string] => [`header ${name}`, bytesText(bytes)]),
    ...(decoded === undefined ? [] : [['decoded', JSON.stringify(decoded)] satisfies [string, string]]),
    [`${deadLetter.bytes} bytes`, bytesText(value)],
  ]
  const width = Math.max(...lines.map(([title]) => title.length))
  return lines.map(([title, text]) => `${title.padEnd(width)}  ${text}\n`).join('')
}

/** Escapes control characters, which would move the cursor of the terminal. */
const bytesText = (bytes: Bytes | null): string =>
  bytes === null
    ? 'none'
    : 'text' in bytes
      ? bytes.text.replace(/\p{Cc}/gu, (control) => JSON.stringify(control).slice(1, -1))
      : `base64 ${bytes.base64}`
