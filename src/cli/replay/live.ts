import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { systemClock } from '../../base/clock.js'
import { dataPaths, type Config } from '../../config/load.js'
import { backtestDirectory, type BacktestReport } from '../../consumers/replay/backtest/directory.js'
import type { ReplayDecision, ReplayState } from '../../contracts/runs.js'
import { topicsOf } from '../../streams/stream.js'
import { askFirst } from '../terminal/ask.js'
import { besideEngine } from '../client/beside-engine.js'
import { reportText } from '../report/backtest-text.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { numberWithin } from '../terminal/options.js'
import { progressBarOn } from '../terminal/progress-bar.js'
import { withRunResults, writesResults } from '../client/run-results.js'
import { count, print, printJson, printMessage, table, type Terminal } from '../terminal/terminal.js'

interface LiveOptions {
  readonly rate: number
  readonly why?: string
  readonly yes?: boolean
  readonly url?: string
  readonly key?: string
  readonly config?: string
  readonly json?: boolean
}

/** `replay start`, `list` and `undo`: replace served predictions with those of a backtest. */
export function liveReplays(group: Command, terminal: Terminal): void {
  startOn(group, terminal)
  listOn(group, terminal)
  undoOn(group, terminal)
}

function startOn(group: Command, terminal: Terminal): void {
  const start = writesResults(
    group
      .command('start')
      .option('--rate <rows/s>', 'store at most this many rows per second', numberWithin(1, 1_000_000), 5_000),
  )
    .summary('replace served predictions with those of a backtest')
    .description(
      "Stores the predictions of a finished backtest as rows with the role 'replay:<run>'. Then the view " +
        'predictions_corrected shows them instead of the served rows, which stay unchanged. The control topic ' +
        "records each step; 'tidemill replay undo' reverts it.",
    )
    .argument('<run>', 'id of a finished backtest')
    .option('--why <text>', 'the reason; stored with the decision')
    .option('--yes', 'do not ask for confirmation')
    .action(async (id: string, options: LiveOptions) => {
      const config = besideEngine(start, options.config)
      const report = await backtestDirectory(dataPaths(config.dataDirectory).backtests).readReport(id)
      printMessage(terminal, reportText(report))
      if (options.yes !== true)
        await askFirst(
          terminal,
          `Replace served predictions of ${report.run.stream} with ${count(report.figures.run.rows)} of the backtest?`,
        )
      const decision = await apply(config, report, options, terminal)
      await (options.json === true
        ? printJson(terminal, decision)
        : print(
            terminal,
            `applied ${decision.id}: ${count(decision.rows)} rows; 'tidemill replay undo ${decision.id}' ` +
              `reverts it\n`,
          ))
    })
}

function listOn(group: Command, terminal: Terminal): void {
  const list = writesResults(group.command('list'))
    .summary('list replays into the live tables, newest first')
    .action(async (options: LiveOptions) => {
      const replays = await withRunResults(
        besideEngine(list, options.config),
        options,
        terminal.interrupted,
        (results) => results.replays(),
      )
      if (options.json === true) return printJson(terminal, { replays })
      if (replays.length === 0) return printMessage(terminal, 'no replays')
      await print(terminal, listText(replays))
    })
}

function undoOn(group: Command, terminal: Terminal): void {
  const undo = writesResults(group.command('undo'))
    .summary('undo a replay: the views show the served rows again')
    .argument('<run>')
    .option('--why <text>', 'the reason; stored with the decision')
    .option('--yes', 'do not ask for confirmation')
    .action(async (id: string, options: LiveOptions) => {
      await withRunResults(besideEngine(undo, options.config), options, terminal.interrupted, async (results) => {
        const found = (await results.replays()).find((one) => one.id === id)
        if (found === undefined) throw new CommandFailed(exits.usage, `there is no replay ${id}`)
        if (options.yes !== true)
          await askFirst(terminal, `Undo the replay with ${count(found.rows)} predictions of ${found.stream}?`)
        await results.decideReplay({ ...found, state: 'undone', ...by(options) })
      })
      if (options.json === true) await printJson(terminal, { undone: id })
      else printMessage(terminal, `undone ${id}`)
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
    import('../../consumers/replay/backtest/upload.js'),
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
              `interrupted after ${count(rows)} rows, which no view shows; start it again, or run 'tidemill ` +
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
