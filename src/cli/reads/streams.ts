import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { compile } from '../../features/plan/compile.js'
import type { StreamView } from '../../contracts/streams.js'
import { durationText } from '../../streams/language/duration.js'
import { eventTypes } from '../../streams/schema/event-type.js'
import { filesAt, loadStreams } from '../../streams/load.js'
import { checkTypes } from '../../streams/type-check.js'
import { avsc } from '../../streams/schema/schema.js'
import type { Stream } from '../../streams/stream.js'
import { connect } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { reads, talksToEngine, type ReadOptions } from '../client/options.js'
import { print, printJson, printMessage, styled, table, type Terminal } from '../terminal/terminal.js'

export function streamsCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('streams')
    .summary('list the streams, check your own')
    .description('Shows the streams of a running engine, and checks your own stream files.')
  const all = async (options: ReadOptions): Promise<readonly StreamView[]> =>
    (
      (await (await connect(options, terminal.interrupted)).get('/api/v2/streams')) as {
        streams: readonly StreamView[]
      }
    ).streams

  reads(talksToEngine(group.command('list')))
    .summary('list every stream of the engine')
    .action(async (options: ReadOptions) => {
      const streams = await all(options)
      if (options.json === true) return printJson(terminal, { streams })
      await print(terminal, listText(streams))
      for (const { name, serving } of streams)
        if (serving.problem !== null)
          printMessage(terminal, `${styled(terminal, 'err', 'red', 'model fails')} ${name}: ${serving.problem}`)
    })

  reads(talksToEngine(group.command('show')))
    .summary('show one stream with its entities and features')
    .argument('<name>')
    .action(async (name: string, options: ReadOptions) => {
      const streams = await all(options)
      const found = streams.find((stream) => stream.name === name)
      if (found === undefined)
        throw new CommandFailed(
          exits.usage,
          `there is no stream '${name}'; there are ${streams.map((stream) => stream.name).join(', ')}`,
        )
      await (options.json === true ? printJson(terminal, found) : print(terminal, showText(found)))
    })

  group
    .command('check')
    .summary('check your own stream files, without an engine')
    .description(
      'Loads stream files as the engine does, and prints the mistakes of each with the field. Where TypeScript is ' +
        'installed (npm install --save-dev typescript), it also checks the types of .ts files: columns of typed ' +
        'schemas, entities, and the features that the heuristic reads. Exit code 3 when a file has a mistake.',
    )
    .argument('<paths...>', 'files, or directories of files')
    .option('--json', 'print JSON instead of text')
    .action((paths: readonly string[], options: { json?: boolean }) => check(paths, options.json === true, terminal))

  group
    .command('types')
    .summary('print the TypeScript types of your schemas')
    .description(
      'Prints the types of the events of Avro schemas. With `avsc<DoorEvent>(...)` the compiler knows the columns of ' +
        'a stream.',
    )
    .argument('<schemas...>', '.avsc files')
    .action((paths: readonly string[]) =>
      print(
        terminal,
        eventTypes(paths.map((path) => avsc(pathToFileURL(resolve(path)).href, `./${basename(path)}`).record)),
      ),
    )
}

const listText = (streams: readonly StreamView[]): string =>
  table<StreamView>(
    [
      { title: 'stream', cell: (row) => row.name },
      { title: 'key', cell: (row) => row.columns.key },
      { title: 'partitions', cell: (row) => String(row.partitions), right: true },
      { title: 'entities', cell: (row) => row.entities.map((entity) => entity.name).join(' ') },
      { title: 'features', cell: (row) => String(row.features.length), right: true },
      { title: 'serving', cell: ({ serving }) => serving.version + (serving.problem === null ? '' : ' (model fails)') },
    ],
    streams,
  )

const showText = (stream: StreamView): string =>
  [
    `${stream.name}: topic ${stream.topic}, ${stream.partitions} partitions by ${stream.columns.key}, time ` +
      `${stream.columns.time}, model ${stream.family ?? 'none'}, served by ${stream.serving.version}`,
    ...(stream.serving.problem === null ? [] : [`model fails: ${stream.serving.problem}`]),
    `risk: high from ${stream.risk.high}, medium from ${stream.risk.medium}; fingerprint ${stream.fingerprint}`,
    '',
    table(
      [
        { title: 'entity', cell: (row) => row.name },
        { title: 'columns', cell: (row) => row.columns.join(', ') },
        { title: 'scope', cell: (row) => row.scope },
      ],
      stream.entities,
    ),
    table(
      [
        { title: 'feature', cell: (row) => row.name },
        { title: 'kind', cell: (row) => row.kind },
      ],
      stream.features,
    ),
  ].join('\n')

type Checked =
  | {
      readonly path: string
      /** Whether the types were checked as well. */
      readonly types: boolean
      readonly streams: readonly {
        readonly name: string
        readonly features: number
        readonly horizon: string
        readonly fingerprint: string
      }[]
    }
  | { readonly path: string; readonly problem: string }

async function check(paths: readonly string[], json: boolean, terminal: Terminal): Promise<void> {
  const checked: Checked[] = []
  for (const path of paths) checked.push(await checkedAt(path))
  if (json) await printJson(terminal, { checked })
  else
    for (const one of checked) {
      if ('problem' in one)
        printMessage(
          terminal,
          `${styled(terminal, 'err', 'red', 'wrong')} ${one.path}\n  ${one.problem.replaceAll('\n', '\n  ')}`,
        )
      else
        for (const { name, features, horizon, fingerprint } of one.streams)
          await print(
            terminal,
            `ok ${name}: ${features} features, remembers ${horizon}, fingerprint ${fingerprint}` +
              `${one.types ? '' : '; types not checked'}\n`,
          )
    }
  const wrong = checked.filter((one) => 'problem' in one).length
  if (wrong > 0)
    throw new CommandFailed(
      exits.configuration,
      `${wrong} of ${checked.length} ${checked.length === 1 ? 'path has' : 'paths have'} a mistake`,
    )
}

async function checkedAt(path: string): Promise<Checked> {
  try {
    const streams = (await loadStreams([path])).map(summaryOf)
    const { checked, problems } = checkTypes(filesAt(resolve(path)))
    return problems.length > 0 ? { path, problem: problems.join('\n') } : { path, types: checked, streams }
  } catch (error) {
    return { path, problem: error instanceof Error ? error.message : String(error) }
  }
}

function summaryOf(stream: Stream): { name: string; features: number; horizon: string; fingerprint: string } {
  const plan = compile(stream)
  return {
    name: stream.name,
    features: plan.width,
    horizon: durationText(plan.horizonMs),
    fingerprint: plan.fingerprint,
  }
}
