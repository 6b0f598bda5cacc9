import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataPaths, type Config } from '../../config/load.js'
import {
  backtestDirectory,
  type BacktestDirectory,
  type BacktestReport,
  type BacktestRun,
} from '../../consumers/replay/backtest/directory.js'
import type { CostRule } from '../../learning/figures/costs.js'
import { newRunId } from '../client/beside-engine.js'
import { backtestPage } from '../report/backtest-report.js'
import { CommandFailed, exits } from '../terminal/exit.js'
import { progressBarOn } from '../terminal/progress-bar.js'
import { printMessage, type Terminal } from '../terminal/terminal.js'

export interface RunOptions {
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

/** Imported when needed, so that the other commands start without loading the engine. */
export const engineParts = () =>
  Promise.all([
    import('../../consumers/replay/backtest/backtest.js'),
    import('../../compose/replays.js'),
    import('../../streams/choose.js'),
  ])

export const runsOf = (config: Config): BacktestDirectory =>
  backtestDirectory(dataPaths(config.dataDirectory).backtests)

/** Runs or resumes a backtest to its end; after an interruption the message has the command that continues. */
export async function runBacktest(
  config: Config,
  options: RunOptions,
  terminal: Terminal,
): Promise<{ readonly report: BacktestReport; readonly path: string }> {
  const [{ beginBacktest, continueBacktest }, { withReplay }, { streamNamed }] = await engineParts()
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
        printMessage(terminal, `backtest ${begun.id} in ${beside.directory.of(begun.id)}`)
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
            `interrupted; what is done is kept. Continue with: tidemill backtest run --resume ${begun.id}`,
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
    throw new CommandFailed(exits.usage, 'name the stream with --stream, or a run to continue with --resume')
  return stream
}
