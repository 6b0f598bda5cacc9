import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { packagePath } from '../config.js'
import { CommandFailed, exits } from './exit.js'
import type { Terminal } from './terminal.js'

const script = packagePath('bench/run.mjs')

/** The measurements live beside the package's sources, with the page that says how to repeat them. */
export function benchCommand(parent: Command, terminal: Terminal): void {
  parent
    .command('bench')
    .summary('measure throughput, latency, CPU and memory')
    .description('Runs the measurements of bench/ in processes of their own: see bench/README.md. Needs a checkout of the repository.')
    .option('--json', 'print JSON instead of a table')
    .allowExcessArguments()
    .allowUnknownOption()
    .action(async (_options: unknown, command: Command) => {
      if (!existsSync(script)) throw new CommandFailed(exits.failed, 'the measurements are not part of the published package; run this in a checkout of the repository')
      const options = command.opts<{ json?: boolean }>()
      const child = spawn(process.execPath, [script, ...(options.json === true ? ['--json'] : []), ...command.args], { stdio: ['ignore', 'inherit', 'inherit'] })
      const stop = (): void => void child.kill('SIGINT')
      terminal.interrupted.addEventListener('abort', stop)
      const [code] = (await once(child, 'exit')) as [number | null]
      if (code !== 0) throw new CommandFailed(exits.failed, `the bench ended with ${code ?? 'a signal'}`)
    })
}
