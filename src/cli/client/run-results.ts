import type { Command } from 'commander'
import { clientEnvironment, type Config } from '../../config/load.js'
import { readLock } from '../../base/lock.js'
import type { ReplayDecision, RunResults } from '../../contracts/runs.js'
import { everySetting } from '../terminal/options.js'
import { replaySettings } from './beside-engine.js'
import { connect, failure, type Client, type RemoteOptions } from './client.js'

/** Options of commands that write into the warehouse, through a running engine or directly. */
export const writesResults = (command: Command): Command =>
  everySetting(command, replaySettings)
    .option('--config <file>', 'configuration file of the engine (TIDEMILL_CONFIG)')
    .option(
      '--url <url>',
      'URL of the engine that stores the results (TIDEMILL_URL; default: the engine of the data directory; ' +
        'without one, the command writes to the stores directly)',
    )
    .option('--key <key>', 'API key (TIDEMILL_KEY; default: the demo key of the data directory)')
    .option('--json', 'print JSON instead of text')

/**
 * Calls `work` with the port for results of runs: the engine that the options name or that holds the data directory, or
 * else the stores themselves.
 */
export async function withRunResults<T>(
  config: Config,
  remote: RemoteOptions,
  signal: AbortSignal,
  work: (results: RunResults) => Promise<T>,
): Promise<T> {
  const named = remote.url ?? clientEnvironment().url
  const held = config.preset === 'embedded' && (await readLock(config.dataDirectory)) !== undefined
  if (named !== undefined || held)
    return work(resultsOver(await connect({ ...remote, data: config.dataDirectory }, signal)))
  const { withResults } = await import('../../compose/replays.js')
  return withResults(config, work)
}

/** The port over the API of a running engine. Throws CommandFailed with the engine's message. */
function resultsOver(client: Client): RunResults {
  const post = async (
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    type: 'application/json' | 'application/octet-stream',
  ): Promise<void> => {
    const answer = await client.post(path, body, type)
    if (answer.status >= 300) throw failure(answer.status, answer.body)
  }
  return {
    putBacktest: (run) => post('/api/v2/backtests', JSON.stringify(run), 'application/json'),
    addPredictions: ({ of, id, stream, partition, position }, block) => {
      const query = new URLSearchParams({ stream, partition: String(partition), position: String(position) })
      const path = `/api/v2/${of}s/${id}/predictions?${query.toString()}`
      return post(path, new Uint8Array(block), 'application/octet-stream')
    },
    // The engine sets `by` from the key, and `atMs`.
    decideReplay: (decision) =>
      post('/api/v2/replays', JSON.stringify({ ...decision, by: undefined, atMs: undefined }), 'application/json'),
    replays: async () =>
      ((await client.get('/api/v2/replays')) as { readonly replays: readonly ReplayDecision[] }).replays,
  }
}
