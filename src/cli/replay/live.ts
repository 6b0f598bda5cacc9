import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { dataPaths, type Config } from '../../config/load.js'
import { backtestDirectory, type BacktestReport } from '../../consumers/replay/backtest-directory.js'
import type { ReplayDecision, ReplayState } from '../../contracts/runs.js'
import { topicsOf } from '../../streams/stream.js'
import { askFirst } from '../terminal/ask.js'
import { besideEngine, replaySettings } from '../client/beside-engine.js'
import { reportText } from '../backtest/text.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { numberWithin, settingFlags } from '../terminal/options.js'
import { progressBarOn } from '../terminal/progress-bar.js'
import { withRunResults } from '../backtest/run-results.js'
import { count, print, printJson, say, table, type Terminal } from '../terminal/terminal.js'

interface LiveOptions {
  readonly rate: number
  readonly why?: string
  readonly yes?: boolean
  readonly url?: string
  readonly key?: string
  readonly config?: string
  readonly json?: boolean
}

/** Options of commands that write into the warehouse beside a running engine, or into the stores themselves. */
export const writesResults = (command: Command): Command =>
  settingFlags(command, replaySettings)
    .option('--config <file>', 'the configuration of the engine (TIDEMILL_CONFIG)')
    .option(
      '--url <url>',
      'an engine to give the results to (TIDEMILL_URL; default: the one running in the data directory, else ' +
        'the stores themselves)',
    )
    .option('--key <key>', 'the key to send (TIDEMILL_KEY; default: the demo key of the data directory)')
    .option('--json', 'print JSON instead of text')

/** `replay start`, `list` and `undo`: predictions of a backtest in the place of what was served. */
export function liveReplays(group: Command, terminal: Terminal): void {
  const start = writesResults(group.command('start'))
    .summary('put the predictions of a backtest in the place of what was served')
    .description(
      'Writes the predictions of a finished backtest beside the served ones, as rows of their own (role ' +
        "'replay:<run>'), and then lets them count in the view predictions_corrected. What was served stays as " +
        "it is. Each step is a record of the control topic; 'replay undo' takes it back.",
    )
    .argument('<run>', 'a finished backtest')
    .option('--rate <rows/s>', 'no more rows a second than this', numberWithin(1, 1_000_000), 5_000)
    .option('--why <text>', 'the reason, for the record')
    .option('--yes', 'do not ask')
    .action(async (id: string, options: LiveOptions) => {
      const config = besideEngine(start, options.config)
      const report = await backtestDirectory(dataPaths(config.dataDirectory).backtests).readReport(id)
      say(terminal, reportText(report))
      if (options.yes !== true)
        await askFirst(
          terminal,
          `Put ${count(report.figures.run.rows)} predictions of ${report.run.stream} in the place of what was served?`,
        )
      const decision = await apply(config, report, options, terminal)
      await (options.json === true
        ? printJson(terminal, decision)
        : print(
            terminal,
            `${decision.id} is applied: ${count(decision.rows)} rows; 'tidemill replay undo ${decision.id}' ` +
              `takes it back\n`,
          ))
    })

  const list = writesResults(group.command('list'))
    .summary('replays into the live tables, newest first')
    .action(async (options: LiveOptions) => {
      const replays = await withRunResults(
        besideEngine(list, options.config),
        options,
        terminal.interrupted,
        (results) => results.replays(),
      )
      if (options.json === true) return printJson(terminal, { replays })
      if (replays.length === 0) return say(terminal, 'no replays')
      await print(terminal, listText(replays))
    })

  const undo = writesResults(group.command('undo'))
    .summary('take a replay back: what was served counts again')
    .argument('<run>')
    .option('--why <text>', 'the reason, for the record')
    .option('--yes', 'do not ask')
    .action(async (id: string, options: LiveOptions) => {
      await withRunResults(besideEngine(undo, options.config), options, terminal.interrupted, async (results) => {
        const found = (await results.replays()).find((one) => one.id === id)
        if (found === undefined) throw new CommandFailed(exits.usage, `there is no replay ${id}`)
        if (options.yes !== true)
          await askFirst(terminal, `Take ${count(found.rows)} predictions of ${found.stream} back?`)
        await results.decideReplay({ ...found, state: 'undone', ...by(options) })
      })
      if (options.json === true) await printJson(terminal, { undone: id })
      else say(terminal, `${id} is undone`)
    })
}

const by = ({ why }: LiveOptions): Pick<ReplayDecision, 'by' | 'why' | 'atMs'> => ({
  by: userInfo().username,
  why: why ?? '',
  atMs: systemClock.nowMs(),
})

async function apply(
  config: Config,
  { run, figures }: BacktestReport,
  options: LiveOptions,
  terminal: Terminal,
): Promise<ReplayDecision> {
  const [{ uploadRun }, { withReplay }, { streamNamed }] = await Promise.all([
    import('../../consumers/replay/run-upload.js'),
    import('../../compose/replays.js'),
    import('../../streams/choose.js'),
  ])
  const topics = topicsOf(await streamNamed(config.streams, run.stream))
  const { interrupted: signal } = terminal
  const step = (state: ReplayState, rows: number): ReplayDecision => ({
    id: run.id,
    state,
    stream: run.stream,
    model: run.model,
    fromMs: run.fromMs,
    toMs: run.toMs,
    rows,
    ...by(options),
  })
  const bar = progressBarOn(terminal, 'writing')
  const expected = figures.run.rows
  try {
    return await withRunResults(config, options, signal, (results) =>
      withReplay(config, { signal }, async ({ viewOwn, directory, clock }) => {
        const own = await viewOwn(directory.of(run.id))
        try {
          await results.decideReplay(step('started', expected))
          const rows = await uploadRun({
            of: 'replay',
            run,
            own,
            topics,
            results,
            vectors: true,
            ratePerSecond: options.rate,
            clock,
            signal,
            onRows: (done) => bar.update({ total: Math.max(expected, done), done, scored: done }),
          })
          if (signal.aborted)
            throw new CommandFailed(
              exits.interrupted,
              `interrupted after ${count(rows)} rows, which count nowhere; start it again, or 'tidemill ` +
                `replay undo ${run.id}'`,
            )
          await results.decideReplay(step('applied', rows))
          return step('applied', rows)
        } finally {
          await own.close()
        }
      }),
    )
  } finally {
    bar.end()
  }
}

const listText = (replays: readonly ReplayDecision[]): string =>
  table<ReplayDecision>(
    [
      { title: 'replay', cell: ({ id }) => id },
      { title: 'stream', cell: ({ stream }) => stream },
      { title: 'model', cell: ({ model }) => model },
      { title: 'rows', cell: ({ rows }) => count(rows), right: true },
      { title: 'state', cell: ({ state }) => state },
      { title: 'since', cell: ({ atMs }) => new Date(atMs).toISOString().slice(0, 19) },
      { title: 'by', cell: ({ by: who }) => who },
      { title: 'why', cell: ({ why }) => why },
    ],
    replays,
  )
