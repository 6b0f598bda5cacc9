import { clientEnvironment, type Config } from '../../config/load.js'
import { readLock } from '../../base/lock.js'
import type { ReplayDecision, RunResults } from '../../contracts/runs.js'
import { connect, failure, type Client, type RemoteOptions } from '../client/client.js'

/**
 * Where results of runs go: through the engine that holds the data directory, or that is named; else straight into the
 * stores, of a cluster or of a directory that nobody holds.
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

/** The same over the API of a running engine. Throws CommandFailed with the engine's words. */
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
    addPredictions: ({ of, id, stream, partition, position }, block) =>
      post(
        `/api/v2/${of}s/${id}/predictions?${new URLSearchParams({ stream, partition: String(partition), position: String(position) }).toString()}`,
        new Uint8Array(block),
        'application/octet-stream',
      ),
    // Who and when is the engine's to say, by the key.
    decideReplay: (decision) =>
      post('/api/v2/replays', JSON.stringify({ ...decision, by: undefined, atMs: undefined }), 'application/json'),
    replays: async () =>
      ((await client.get('/api/v2/replays')) as { readonly replays: readonly ReplayDecision[] }).replays,
  }
}
