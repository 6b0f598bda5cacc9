import type { AcceptedStop, PartitionsPort, StoppedPartition } from '../../contracts/partitions.js'
import type { Stop } from '../control/partition-records.js'
import type { Rebuilds } from '../scoring/rebuilds.js'
import type { Accepted, Stops } from '../control/stops.js'

/** What the API tells operators of partitions, and takes from them. */
export const partitionsPort = (stops: Stops, rebuilds: Rebuilds): PartitionsPort => ({
  list: () => ({
    stopped: stops.standing().map(stoppedOf),
    rebuilding: rebuilds.current(),
    accepted: stops.accepted().map(acceptedOf),
  }),
  accept: async (at, by, why) => (await stops.accept(at, by, why)).map(acceptedOf),
})

const stoppedOf = ({ reader, topic, partition, code, message, lost, atMs }: Stop): StoppedPartition => ({
  reader,
  topic,
  partition,
  code,
  message,
  lost: lost ?? null,
  sinceMs: atMs,
})

const acceptedOf = ({ reader, topic, partition, code, lost, by, why, atMs }: Accepted): AcceptedStop => ({
  reader,
  topic,
  partition,
  code,
  lost,
  by,
  why,
  atMs,
})
