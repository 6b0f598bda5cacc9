import type { Command } from 'commander'
import type { LostOffsets } from '../../base/errors.js'
import type { AcceptedStop, RebuildingPartition, StoppedPartition, TopicPartition } from '../../contracts/partitions.js'
import { connect, failure } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { count, duration, print, printJson, printMessage, table, type Terminal } from '../terminal/terminal.js'

/** The shapes of the API's answer: instants as text, names with underscores. */
interface Stopped extends Omit<StoppedPartition, 'sinceMs'> {
  readonly since: string
}
interface Accepted extends Omit<AcceptedStop, 'atMs'> {
  readonly at: string
}
interface Rebuilding extends Pick<RebuildingPartition, 'stream' | 'partition' | 'records'> {
  readonly records_done: number
  readonly eta_seconds: number | null
}
interface Partitions {
  readonly stopped: readonly Stopped[]
  readonly rebuilding: readonly Rebuilding[]
  readonly accepted: readonly Accepted[]
}

export function partitionsCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('partitions')
    .summary('list stopped partitions and resume them')
    .description(
      'A partition stops when it would lose or repeat something, until an operator accepts exactly that. The other ' +
        'partitions continue. Needs an operator key.',
    )

  reads(talksToEngine(group.command('list')))
    .summary('list stopped and rebuilding partitions, and accepted stops')
    .action(async (options: ReadOptions) => {
      const partitions = (await (await connect(options, terminal.interrupted)).get('/api/v2/partitions')) as Partitions
      await (options.json === true ? printJson(terminal, partitions) : print(terminal, partitionsText(partitions)))
    })

  reads(talksToEngine(group.command('accept')))
    .summary('resume a stopped partition')
    .description(
      'Accepts what the present stops of a partition give up, and nothing else: another gap stops it again. The ' +
        'control topic records who accepted it, when and why.',
    )
    .argument('<partition>', 'topic/number, as the list shows it')
    .requiredOption('--why <reason>', 'the reason; stored with the decision')
    .option('--code <code>', 'accept only a stop with this code')
    .action(async (place: string, options: ReadOptions & { readonly why: string; readonly code?: string }) => {
      const client = await connect(options, terminal.interrupted)
      const body = { ...placeOf(place), ...(options.code !== undefined && { code: options.code }), why: options.why }
      const { status, body: answer } = await client.post(
        '/api/v2/partitions/accept',
        JSON.stringify(body),
        'application/json',
      )
      if (status !== 200) throw failure(status, answer)
      const { accepted } = answer as { readonly accepted: readonly Accepted[] }
      if (options.json === true) await printJson(terminal, answer)
      else
        for (const one of accepted)
          printMessage(
            terminal,
            `accepted ${one.code} of ${one.topic}/${one.partition} (${one.reader}): ` +
              `${givenUp(one.code, one.lost)}; the partition resumes`,
          )
    })
}

function placeOf(text: string): TopicPartition {
  const found = /^(.+)\/(\d+)$/.exec(text)
  if (found === null)
    throw new CommandFailed(exits.usage, `'${text}' is not a partition; write topic/number, for example attendance/2`)
  return { topic: found[1]!, partition: Number(found[2]) }
}

/** A partition that stopped for bad records resumes after the offset and loses nothing. */
const givenUp = (code: string, lost: LostOffsets): string =>
  code === 'BAD_SHARE'
    ? `it continues after offset ${lost.to} of ${lost.topic} and gives up nothing`
    : isRefusal(code)
      ? `its table lacks the rows of ${lostText(lost)}, which stay in the log`
      : `it gives up ${lostText(lost)}`
/** The warehouse refused rows. */
const isRefusal = (code: string): boolean => code === 'ROWS_REFUSED' || code === 'WAREHOUSE_REFUSED'
const lostText = ({ topic, from, to }: LostOffsets): string => `offsets ${from} to ${to} of ${topic}`

function partitionsText({ stopped, rebuilding, accepted }: Partitions): string {
  const parts: string[] = []
  if (stopped.length === 0) parts.push('no partition is stopped\n')
  else {
    const columns = [
      { title: 'partition', cell: placeText },
      { title: 'reader', cell: (row: Stopped) => row.reader },
      { title: 'code', cell: (row: Stopped) => row.code },
      { title: 'since', cell: (row: Stopped) => row.since },
      {
        title: 'resuming gives up',
        cell: (row: Stopped) =>
          row.lost === null
            ? 'a repair is needed'
            : row.code === 'BAD_SHARE'
              ? 'nothing'
              : `${isRefusal(row.code) ? 'the rows of ' : ''}${lostText(row.lost)}`,
      },
    ]
    parts.push(table<Stopped>(columns, stopped), stopped.map((row) => `${placeText(row)}: ${row.message}\n`).join(''))
  }
  if (rebuilding.length > 0)
    parts.push(
      table<Rebuilding>(
        [
          { title: 'rebuilt', cell: (row) => `${row.stream}/${row.partition}` },
          { title: 'done', cell: (row) => count(row.records_done), right: true },
          { title: 'of', cell: (row) => count(row.records), right: true },
          { title: 'left', cell: (row) => (row.eta_seconds === null ? '-' : duration(row.eta_seconds * 1_000)) },
        ],
        rebuilding,
      ),
    )
  if (accepted.length > 0)
    parts.push(
      table<Accepted>(
        [
          { title: 'accepted', cell: (row) => row.at },
          { title: 'partition', cell: placeText },
          { title: 'code', cell: (row) => row.code },
          {
            title: 'gave up',
            cell: (row) => (row.code === 'BAD_SHARE' ? `nothing, after offset ${row.lost.to}` : lostText(row.lost)),
          },
          { title: 'by', cell: (row) => row.by },
          { title: 'why', cell: (row) => row.why },
        ],
        accepted,
      ),
    )
  return parts.join('\n')
}

const placeText = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`
