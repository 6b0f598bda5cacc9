import { Command, CommanderError } from 'commander'
import { packageVersion } from '../config/load.js'
import { endOf, exitMeanings, exits } from './terminal/exit.js'
import { backtestCommand } from './backtest/backtest.js'
import { backupCommand } from './backup/backup.js'
import { benchCommand } from './bench/bench.js'
import { dlqCommand } from './dlq/dlq.js'
import { completionCommand } from './help/completion.js'
import { formatHelp } from './help/help.js'
import { settingsCommand } from './help/settings-page.js'
import { doctorCommand } from './doctor/doctor.js'
import { featuresCommand } from './reads/features.js'
import { keysCommand } from './reads/keys.js'
import { partitionsCommand } from './reads/partitions.js'
import { predictionsCommand } from './reads/predictions.js'
import { produceCommand } from './events/produce.js'
import { replayCommand } from './replay/replay.js'
import { schemasCommand } from './servers/schemas.js'
import { scoreCommand } from './events/score.js'
import { simulateCommand } from './events/simulate.js'
import { sqlCommand } from './reads/sql.js'
import { startCommand } from './start/start.js'
import { streamsCommand } from './reads/streams.js'
import { tenantsCommand } from './reads/tenants.js'
import { printMessage, styled, type Terminal } from './terminal/terminal.js'
import { topicsCommand } from './servers/topics.js'

const exitHelp = `\nExit codes:\n${Object.entries(exits)
  .map(([name, code]) => `  ${String(code).padEnd(5)}${exitMeanings[name as keyof typeof exits]}`)
  .join('\n')}`

/** Builds the whole command line. Actions write to the terminal and throw when they fail. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('tidemill')
    .description(
      'Scores events as they arrive: rolling features, an ONNX model or a heuristic, predictions in ClickHouse.',
    )
    .version(packageVersion(), '-v, --version')
    .addHelpText('after', exitHelp)
    .showHelpAfterError('(--help shows the commands and options)')
    .exitOverride()
    .configureHelp({ formatHelp })
    .configureOutput({
      writeOut: (text) => void terminal.out.write(text),
      writeErr: (text) => void terminal.err.write(text),
      getOutHelpWidth: () => terminal.out.columns ?? 100,
      getErrHelpWidth: () => terminal.err.columns ?? 100,
    })
  for (const add of [
    startCommand,
    simulateCommand,
    produceCommand,
    scoreCommand,
    predictionsCommand,
    sqlCommand,
    featuresCommand,
    dlqCommand,
    streamsCommand,
    schemasCommand,
    topicsCommand,
    partitionsCommand,
    tenantsCommand,
    keysCommand,
    backupCommand,
    backtestCommand,
    replayCommand,
    doctorCommand,
    benchCommand,
    settingsCommand,
    completionCommand,
  ])
    add(program, terminal)
  return program
}

/** Runs one command line, prints its errors and resolves with the exit code of the process. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await buildProgram(terminal).parseAsync(args, { from: 'user' })
    return exits.ok
  } catch (error) {
    if (error instanceof CommanderError)
      return error.code === 'commander.helpDisplayed' || error.code === 'commander.version' ? exits.ok : exits.usage
    const end = endOf(error)
    if (terminal.interrupted.aborted && !end.expected) {
      printMessage(terminal, 'interrupted')
      return exits.interrupted
    }
    printMessage(
      terminal,
      `${styled(terminal, 'err', 'red', 'error:')} ` +
        (end.expected || !(error instanceof Error) ? end.message : (error.stack ?? end.message)),
    )
    return end.exit
  }
}
