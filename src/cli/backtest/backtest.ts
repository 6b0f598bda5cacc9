import { writeFile } from 'node:fs/promises'
import { InvalidArgumentError, type Command } from 'commander'
import type { CostRule } from '../../learning/figures/costs.js'
import { comparisonText, listText, reportText } from '../report/backtest-text.js'
import { besideEngine, replaySettings } from '../client/beside-engine.js'
import { durationOption, everySetting, timeOption } from '../terminal/options.js'
import type { BacktestReport } from '../../consumers/replay/backtest/directory.js'
import { backtestPage, fallbackOf } from '../report/backtest-report.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { engineParts, runBacktest, runsOf, type RunOptions } from './run.js'
import { storeBacktest, storeAtEnd, type StoreOptions } from './store.js'
import { writesResults } from '../client/run-results.js'
import { count, print, printJson, printMessage, type Terminal } from '../terminal/terminal.js'

/** `false-alarm=1,miss=10` */
export function costsOption(text: string): CostRule {
  const found = /^false-alarm=(\d+(?:\.\d+)?),miss=(\d+(?:\.\d+)?)$/.exec(text.replaceAll(' ', ''))
  if (found === null) throw new InvalidArgumentError('It must be like false-alarm=1,miss=10.')
  return { falseAlarm: Number(found[1]), miss: Number(found[2]) }
}

/** The first member of a report as JSON where the model failed on events. */
const warningOf = (report: BacktestReport): { readonly warning?: string } => {
  const warning = fallbackOf(report)
  return warning === undefined ? {} : { warning }
}

/** A program that reads only the exit code must not take the figures for those of the model. */
function failOnFallback(report: BacktestReport): void {
  const warning = fallbackOf(report)
  if (warning !== undefined) throw new CommandFailed(exits.check, warning)
}

const located = (command: Command): Command =>
  everySetting(command, replaySettings)
    .option('--config <file>', 'configuration file of the engine of the log (TIDEMILL_CONFIG)')
    .option('--json', 'print JSON instead of text')

export function backtestCommand(parent: Command, terminal: Terminal): void {
  const group = parent
    .command('backtest')
    .summary('score the log again with another model or other features, and compare')
    .description(
      'Scores events of the log again with the code of the engine, with or without a running engine. Live tables ' +
        'stay unchanged. The data directory keeps the runs.',
    )

  runOn(group, terminal)
  listOn(group, terminal)
  showOn(group, terminal)
  compareOn(group, terminal)
  storeOn(group, terminal)
  removeOn(group, terminal)
}

function runOn(group: Command, terminal: Terminal): void {
  const runIt = located(group.command('run'))
    .summary('score a part of the log')
    .description(
      'Scores the events with a log time between two instants and compares them with what was served and with the ' +
        'outcomes. Before them it folds events of the longest horizon plus the lateness. Ctrl-C keeps what is done; ' +
        '--resume continues. Exit code 5 when the model failed on events and the heuristic scored them; such a run ' +
        'is not stored.',
    )
    .option('--stream <name>', 'the stream; your own stream wins over a built-in one of the same name')
    .option(
      '--from <time>',
      'log time of the first event (ISO 8601, a date, or epoch ms); default: the beginning of the log',
      timeOption,
    )
    .option('--to <time>', 'end of the log time, exclusive; default: now', timeOption)
    .option(
      '--model <version>',
      "a version of the stream's family, an ONNX file, 'champion', 'served' (what served each event) or " +
        "'heuristic_v1'",
      'champion',
    )
    .option(
      '--warm-up <duration>',
      'time to fold before the first event; default: the longest horizon plus the lateness',
      durationOption,
    )
    .option('--costs <rule>', 'costs of errors: false-alarm=1,miss=10', costsOption)
    .option('--resume <run>', 'continue a run that was interrupted or failed')
    .option('--html <file>', 'also write the report to this file')
    .option('--no-store', 'do not store the result in ClickHouse')
    .option('--vectors', 'also store the vectors in ClickHouse, for training')
    .option(
      '--url <url>',
      'URL of the engine that stores the result (TIDEMILL_URL; default: the engine of the data directory; without ' +
        'one, the command writes to the stores directly)',
    )
    .option('--key <key>', 'API key (TIDEMILL_KEY; default: the demo key of the data directory)')
    .action(async (options: RunOptions) => {
      const config = besideEngine(runIt, options.config)
      const { report, path } = await runBacktest(config, options, terminal)
      const notStored = options.store ? await storeAtEnd(config, report, options, terminal) : undefined
      if (options.html !== undefined) await writeFile(options.html, backtestPage(report))
      if (options.json === true) await printJson(terminal, { ...warningOf(report), ...report, html: path })
      else await print(terminal, `${reportText(report)}\nreport: ${path}\n`)
      if (notStored !== undefined && report.fellBack > 0) printMessage(terminal, notStored.message)
      failOnFallback(report)
      if (notStored !== undefined) throw notStored
    })
}

function listOn(group: Command, terminal: Terminal): void {
  const list = located(group.command('list'))
    .summary('list the runs of the data directory, newest first')
    .action(async (options: { config?: string; json?: boolean }) => {
      const runs = await runsOf(besideEngine(list, options.config)).list()
      if (options.json === true) return printJson(terminal, { runs })
      if (runs.length === 0) return printMessage(terminal, 'no backtests')
      await print(terminal, listText(runs))
    })
}

function showOn(group: Command, terminal: Terminal): void {
  const show = located(group.command('show'))
    .summary('print the report of a run')
    .argument('<run>')
    .option('--html <file>', 'also write the report as a page')
    .action(async (id: string, options: { config?: string; json?: boolean; html?: string }) => {
      const report = await runsOf(besideEngine(show, options.config)).readReport(id)
      if (options.html !== undefined) await writeFile(options.html, backtestPage(report))
      await (options.json === true
        ? printJson(terminal, { ...warningOf(report), ...report })
        : print(terminal, `${reportText(report)}\n`))
      failOnFallback(report)
    })
}

function compareOn(group: Command, terminal: Terminal): void {
  const compare = located(group.command('compare'))
    .summary('compare two runs over the events that both scored')
    .description(
      "Shows what the first run would change against the second. The second may be 'served': what was served live.",
    )
    .argument('<run>')
    .argument('<other>', "another run, or 'served'")
    .option('--costs <rule>', 'costs of errors: false-alarm=1,miss=10', costsOption)
    .option('--html <file>', 'also write the comparison as a page')
    .action(
      async (
        id: string,
        other: string,
        options: { config?: string; json?: boolean; html?: string; costs?: CostRule },
      ) => {
        const config = besideEngine(compare, options.config)
        const [{ compareRuns }, { withReplay }, { streamNamed }] = await engineParts()
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
        await (options.json === true
          ? printJson(terminal, { ...warningOf(report), ...report })
          : print(terminal, `${comparisonText(report)}\n`))
        failOnFallback(report)
      },
    )
}

function storeOn(group: Command, terminal: Terminal): void {
  const store = writesResults(group.command('store'))
    .summary('store the result of a run in ClickHouse')
    .description(
      'Stores the result in the tables backtest_runs and backtest_predictions, as a run does at its end. Repeating ' +
        'it changes nothing.',
    )
    .argument('<run>')
    .option('--vectors', 'also store the vectors, for training')
    .action(async (id: string, options: StoreOptions & { config?: string; json?: boolean }) => {
      const config = besideEngine(store, options.config)
      const rows = await storeBacktest(config, await runsOf(config).readReport(id), options, terminal)
      if (options.json === true) await printJson(terminal, { stored: id, rows })
      else printMessage(terminal, `stored ${id}: ${count(rows)} predictions`)
    })
}

function removeOn(group: Command, terminal: Terminal): void {
  const remove = located(group.command('remove'))
    .summary('remove a run from the data directory')
    .argument('<run>')
    .action(async (id: string, options: { config?: string; json?: boolean }) => {
      await runsOf(besideEngine(remove, options.config)).remove(id)
      if (options.json === true) await printJson(terminal, { removed: id })
      else printMessage(terminal, `removed ${id}`)
    })
}
