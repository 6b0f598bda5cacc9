import { dataPaths, type Config } from '../../config/load.js'
import { backtestDirectory, type BacktestReport } from '../../consumers/replay/backtest/directory.js'
import { topicsOf } from '../../streams/stream.js'
import { CommandFailed, endOf, exits } from '../terminal/exit.js'
import { withRunResults } from '../client/run-results.js'
import type { Terminal } from '../terminal/terminal.js'

export interface StoreOptions {
  readonly vectors?: boolean
  readonly url?: string
  readonly key?: string
}

/** Stores a run in ClickHouse, through an engine or directly, and resolves with the number of rows. */
export async function storeBacktest(
  config: Config,
  report: BacktestReport,
  options: StoreOptions,
  { interrupted: signal }: Terminal,
): Promise<number> {
  const [{ storedBacktest, uploadRun }, { withReplay }, { streamNamed }] = await Promise.all([
    import('../../consumers/replay/backtest/upload.js'),
    import('../../compose/replays.js'),
    import('../../streams/choose.js'),
  ])
  const { run } = report
  const topics = topicsOf(await streamNamed(config.streams, run.stream))
  return withRunResults(config, options, signal, (results) =>
    withReplay(config, { signal }, async ({ viewOwn, directory, clock }) => {
      const own = await viewOwn(directory.of(run.id))
      try {
        const rows = await uploadRun({
          of: 'backtest',
          run,
          own,
          topics,
          results,
          vectors: options.vectors === true,
          ratePerSecond: Infinity,
          clock,
          signal,
        })
        signal.throwIfAborted()
        await results.putBacktest(storedBacktest(report))
        await backtestDirectory(dataPaths(config.dataDirectory).backtests).write({ ...run, stored: true })
        return rows
      } finally {
        await own.close()
      }
    }),
  )
}

/**
 * Stores a run at its end. The report exists already, so the command prints it before it fails: returns the failure, or
 * undefined when the run is stored.
 */
export async function storeAtEnd(
  config: Config,
  report: BacktestReport,
  options: StoreOptions,
  terminal: Terminal,
): Promise<CommandFailed | undefined> {
  if (report.fellBack > 0)
    return new CommandFailed(
      exits.check,
      `not in ClickHouse: the heuristic scored a part of the run. 'tidemill backtest store ${report.run.id}' stores ` +
        'it all the same',
    )
  try {
    await storeBacktest(config, report, options, terminal)
    return undefined
  } catch (error) {
    const { exit, message, expected } = endOf(error)
    if (!expected && !terminal.interrupted.aborted) throw error
    return new CommandFailed(
      terminal.interrupted.aborted ? exits.interrupted : exit,
      `not in ClickHouse: ${message}. The run is complete; 'tidemill backtest store ${report.run.id}' stores it later`,
    )
  }
}
