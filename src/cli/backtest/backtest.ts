import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { dataPaths, type Config } from '../../config/load.js'
import {
  backtestDirectory,
  type BacktestDirectory,
  type BacktestReport,
  type BacktestRun,
} from '../../consumers/replay/backtest-directory.js'
import type { CostRule } from '../../learning/figures/costs.js'
import { comparisonText, listText, reportText } from './text.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { besideEngine, newRunId, replaySettings } from '../client/beside-engine.js'
import { durationOption, settingFlags, timeOption } from '../terminal/options.js'
import { progressBarOn } from '../terminal/progress-bar.js'
import { backtestPage } from '../report/backtest-report.js'
import { storeBacktest, storedOrSaid, type StoreOptions } from './store.js'
import { writesResults } from '../replay/live.js'
import { count, print, printJson, say, type Terminal } from '../terminal/terminal.js'

interface RunOptions {
  readonly stream?: string
  readonly from?: number
  readonly to?: number
  readonly model: string
  readonly warmUp?: number
  readonly costs?: CostRule
  readonly resume?: string
  readonly html?: string
  readonly store: boolean
  readonly vectors?: boolean
  readonly url?: string
  readonly key?: string
  readonly config?: string
  readonly json?: boolean
}

/** `false-alarm=1,miss=10` */
export function costsOption(text: string): CostRule {
  const found = /^false-alarm=(\d+(?:\.\d+)?),miss=(\d+(?:\.\d+)?)$/.exec(text.replaceAll(' ', ''))
  if (found === null) throw new InvalidArgumentError('It must be like false-alarm=1,miss=10.')
  return { falseAlarm: Number(found[1]), miss: Number(found[2]) }
}

export function backtestCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('backtest')
    .summary('score the log again with another model or other features, and see what would have changed')
    .description(
      'Runs the code that scores live over events of the log, beside a running engine or without one, and ' +
        'writes nothing that is live. Runs are kept in the data directory.',
    )
  const located = (command: Command): Command =>
    settingFlags(command, replaySettings)
      .option('--config <file>', 'the configuration of the engine that the log belongs to (TIDEMILL_CONFIG)')
      .option('--json', 'print JSON instead of text')

  const runIt = located(group.command('run'))
    .summary('score a stretch of the log')
    .description(
      'Scores the events that came into the log between two times, warmed up by the longest horizon and the ' +
        'lateness before them, and compares with what was served and what came true. Ctrl-C keeps what is ' +
        'done; --resume goes on with it.',
    )
    .option('--stream <name>', 'the stream; one of your own files goes before a built-in one of its name')
    .option(
      '--from <time>',
      'log time of the first event (ISO 8601, a date, or epoch ms); default: the beginning',
      timeOption,
    )
    .option('--to <time>', 'log time before which events lie; default: now', timeOption)
    .option(
      '--model <version>',
      "a version of the stream's family, an ONNX file, 'champion', 'served' (whoever served each event) or " +
        "'heuristic_v1'",
      'champion',
    )
    .option(
      '--warm-up <duration>',
      'fold so much before the first event, instead of the longest horizon and the lateness',
      durationOption,
    )
    .option('--costs <rule>', 'what errors cost: false-alarm=1,miss=10', costsOption)
    .option('--resume <run>', 'go on with a run that was interrupted or failed')
    .option('--html <file>', 'write the report here too')
    .option('--no-store', 'do not put the result into ClickHouse')
    .option('--vectors', 'put the vectors there too, to train on')
    .option(
      '--url <url>',
      'the engine that stores the result (TIDEMILL_URL; default: the one running in the data directory, else ' +
        'the stores themselves)',
    )
    .option('--key <key>', 'the key to send (TIDEMILL_KEY; default: the demo key of the data directory)')
    .action(async (options: RunOptions) => {
      const config = besideEngine(runIt, options.config)
      const { report, path } = await runBacktest(config, options, terminal)
      if (options.store) await storedOrSaid(config, report, options, terminal)
      if (options.html !== undefined) await writeFile(options.html, backtestPage(report))
      if (options.json === true) await printJson(terminal, { ...report, html: path })
      else await print(terminal, `${reportText(report)}\nreport: ${path}\n`)
    })

  const list = located(group.command('list'))
    .summary('the runs of this data directory, newest first')
    .action(async (options: { config?: string; json?: boolean }) => {
      const runs = await runsOf(besideEngine(list, options.config)).list()
      if (options.json === true) return printJson(terminal, { runs })
      if (runs.length === 0) return say(terminal, 'no backtests')
      await print(terminal, listText(runs))
    })

  const show = located(group.command('show'))
    .summary('what a run found')
    .argument('<run>')
    .option('--html <file>', 'write the report as a page')
    .action(async (id: string, options: { config?: string; json?: boolean; html?: string }) => {
      const report = await runsOf(besideEngine(show, options.config)).readReport(id)
      if (options.html !== undefined) await writeFile(options.html, backtestPage(report))
      await (options.json === true ? printJson(terminal, report) : print(terminal, `${reportText(report)}\n`))
    })

  const compare = located(group.command('compare'))
    .summary('two runs side by side, over the events that both scored')
    .description(
      "Says what the first run would change against the second. The second may be 'served': what was served live.",
    )
    .argument('<run>')
    .argument('<other>', "another run, or 'served'")
    .option('--costs <rule>', 'what errors cost: false-alarm=1,miss=10', costsOption)
    .option('--html <file>', 'write the comparison as a page')
    .action(
      async (
        id: string,
        other: string,
        options: { config?: string; json?: boolean; html?: string; costs?: CostRule },
      ) => {
        const config = besideEngine(compare, options.config)
        const [{ compareRuns }, { withReplay }, { streamNamed }] = await parts()
        const report = await withReplay(config, { signal: terminal.interrupted }, async (beside) =>
          compareRuns(
            await streamNamed(config.streams, (await beside.directory.read(id)).stream),
            id,
            other,
            beside,
            options.costs,
          ),
        )
        if (options.html !== undefined) await writeFile(options.html, backtestPage(report))
        await (options.json === true ? printJson(terminal, report) : print(terminal, `${comparisonText(report)}\n`))
      },
    )

  const store = writesResults(group.command('store'))
    .summary('put the result of a run into ClickHouse')
    .description(
      'What a run does by itself at its end, once more: tables backtest_runs and backtest_predictions. Doing ' +
        'it again changes nothing.',
    )
    .argument('<run>')
    .option('--vectors', 'with the vectors, to train on')
    .action(async (id: string, options: StoreOptions & { config?: string; json?: boolean }) => {
      const config = besideEngine(store, options.config)
      const rows = await storeBacktest(config, await runsOf(config).readReport(id), options, terminal)
      if (options.json === true) await printJson(terminal, { stored: id, rows })
      else say(terminal, `stored ${id}: ${count(rows)} predictions`)
    })

  const remove = located(group.command('remove'))
    .summary('remove a run from the data directory')
    .argument('<run>')
    .action(async (id: string, options: { config?: string; json?: boolean }) => {
      await runsOf(besideEngine(remove, options.config)).remove(id)
      if (options.json === true) await printJson(terminal, { removed: id })
      else say(terminal, `removed ${id}`)
    })
}

/** Loaded when they are needed, so that the other commands start without the engine. */
const parts = () =>
  Promise.all([
    import('../../consumers/replay/backtest.js'),
    import('../../compose/replays.js'),
    import('../../streams/choose.js'),
  ])

const runsOf = (config: Config): BacktestDirectory => backtestDirectory(dataPaths(config.dataDirectory).backtests)

/** Runs or resumes a backtest to its end; an interruption says how to go on. */
async function runBacktest(
  config: Config,
  options: RunOptions,
  terminal: Terminal,
): Promise<{ readonly report: BacktestReport; readonly path: string }> {
  const [{ beginBacktest, continueBacktest }, { withReplay }, { streamNamed }] = await parts()
  const bar = progressBarOn(terminal, 'scoring')
  try {
    return await withReplay(
      config,
      { signal: terminal.interrupted, onProgress: (progress) => bar.update(progress) },
      async (beside) => {
        const begun: BacktestRun =
          options.resume === undefined
            ? await beginBacktest(
                {
                  id: newRunId(),
                  stream: await streamNamed(config.streams, needed(options.stream)),
                  model: options.model,
                  fromMs: options.from,
                  toMs: options.to,
                  warmMs: options.warmUp,
                },
                beside,
              )
            : await beside.directory.read(options.resume)
        say(terminal, `backtest ${begun.id} in ${beside.directory.of(begun.id)}`)
        const { report } = await continueBacktest(
          begun,
          await streamNamed(config.streams, begun.stream),
          beside,
          options.costs,
        )
        bar.end()
        if (report === undefined)
          throw new CommandFailed(
            exits.interrupted,
            `interrupted; what is done is kept. Go on with: tidemill backtest run --resume ${begun.id}`,
          )
        const path = join(beside.directory.of(begun.id), 'report.html')
        await writeFile(path, backtestPage(report))
        return { report, path }
      },
    )
  } finally {
    bar.end()
  }
}

function needed(stream: string | undefined): string {
  if (stream === undefined)
    throw new CommandFailed(exits.usage, 'name the stream with --stream, or a run to go on with by --resume')
  return stream
}
