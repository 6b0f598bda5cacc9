import type { Command } from 'commander'
import type { RemoteOptions } from './client.js'

/** Options of every command that talks to a running engine. */
export const talksToEngine = (command: Command): Command =>
  command
    .option(
      '--url <url>',
      'the engine to talk to (TIDEMILL_URL; default: the one running in the data directory, of a cluster the ' +
        'API of this machine)',
    )
    .option('--key <key>', 'the key to send (TIDEMILL_KEY; default: the demo key of the data directory)')
    .option('--data <directory>', 'where to look for a running engine (default: ./data)')
    .option('--config <file>', 'the configuration of that engine')

export interface ReadOptions extends RemoteOptions {
  readonly json?: boolean
}

export const reads = (command: Command): Command => command.option('--json', 'print JSON instead of a table')
