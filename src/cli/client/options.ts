import type { Command } from 'commander'
import type { RemoteOptions } from './client.js'

/** Options of every command that talks to a running engine. */
export const talksToEngine = (command: Command): Command =>
  command
    .option(
      '--url <url>',
      'URL of the engine (TIDEMILL_URL; default: the engine of the data directory; with the cluster preset, the ' +
        'API of this machine)',
    )
    .option('--key <key>', 'API key (TIDEMILL_KEY; default: the demo key of the data directory)')
    .option('--data <directory>', 'data directory of the running engine (default: ./data)')
    .option('--config <file>', 'configuration file of the engine (TIDEMILL_CONFIG)')

export interface ReadOptions extends RemoteOptions {
  readonly json?: boolean
}

export const reads = (command: Command): Command => command.option('--json', 'print JSON instead of text')
