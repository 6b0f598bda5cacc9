import type { clusterServers, clusterTopics, topicsOf } from '../../compose/tasks.js'

/** The servers of a cluster. The check that opens a server also closes it. */
export type Servers = ReturnType<typeof clusterServers>
export type Kafka = Awaited<ReturnType<Servers['kafka']>>
export type Redis = Awaited<ReturnType<Servers['redis']>>
export type Clickhouse = NonNullable<Awaited<ReturnType<Servers['clickhouse']>>>

export interface ClusterTasks {
  readonly servers: Servers
  readonly topicsOf: typeof topicsOf
  readonly clusterTopics: typeof clusterTopics
}
