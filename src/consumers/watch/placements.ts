import { isEngineError } from '../../base/errors.js'
import type { StateStore } from '../../state/state-store.js'
import type { Stream } from '../../streams/stream.js'
import { decodePlacement, isRecent, placementKey, placementText } from '../ground/misplaced.js'

/**
 * A sentence for each stream with events that came lately and are not in the partition of their key. Any process can
 * ask, because the owners of the partitions keep the counts in the state store. Partitions that are being rebuilt are
 * left out. Errors of `StateStore.load`.
 */
export async function placementProblems(
  store: Pick<StateStore, 'load'>,
  streams: readonly { readonly stream: Pick<Stream, 'name' | 'key' | 'partitions'> }[],
  nowMs: number,
): Promise<readonly string[]> {
  const problems = await Promise.all(
    streams.map(async ({ stream }) => {
      const tallies = await Promise.all(
        Array.from({ length: stream.partitions }, (_, partition) =>
          store.load({ stream: stream.name, partition }, [placementKey]).then(
            ([blob]) => decodePlacement(blob),
            (error: unknown) => (isEngineError(error, 'REBUILDING') ? undefined : Promise.reject(error as Error)),
          ),
        ),
      )
      const recent = tallies.flatMap((one) => (one !== undefined && isRecent(one, nowMs) ? [one] : []))
      return recent.length === 0 ? [] : [placementText(stream, recent)]
    }),
  )
  return problems.flat()
}
