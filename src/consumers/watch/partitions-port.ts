import type { Stops } from '../control/stops.js'
import type { Accepted } from '../control/stops-fold.js'
import type { AcceptedStop, PartitionsPort } from '../../contracts/partitions.js'
import type { Rebuilds } from '../scoring/rebuilds.js'

/** Shows operators the partitions that need them, and takes their decisions. */
export const partitionsPort = (stops: Stops, rebuilds: Rebuilds): PartitionsPort => ({
  list: () => ({
    stopped: stops.stopped(),
    rebuilding: rebuilds.current(),
    accepted: stops.accepted().map(withoutPosition),
  }),
  accept: async (at, by, why) => (await stops.accept(at, by, why)).map(withoutPosition),
})

const withoutPosition = ({ reader, topic, partition, code, lost, by, why, atMs }: Accepted): AcceptedStop => ({
  ...{ reader, topic, partition, code, lost },
  ...{ by, why, atMs },
})
