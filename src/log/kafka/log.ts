import type { Admin } from 'kafkajs'
import { EngineError } from '../../base/errors.js'
import type {
  ConsumerGroups,
  EventLog,
  GroupLag,
  Membership,
  NewRecord,
  Offset,
  PartitionReader,
  TopicPartition,
  TopicSpec,
} from '../event-log.js'
import { KafkaAppends } from './appends.js'
import { KafkaFetches } from './fetches.js'
import type { KafkaConnection } from './connection.js'
import { KafkaLink } from './link.js'
import type { Wire } from './link.js'
import { KafkaMember } from './member.js'
import { boundsOf, endsOf } from './offsets.js'
import type { Persistence } from './persistence.js'
import { KafkaProduces } from './produces.js'
import { KafkaReader } from './reader.js'
import { applyTopics, ensureTopic, planTopics, removeTopics } from './topics.js'
import type { TopicChange } from './topics.js'
import { keyOf } from './work.js'

export type { KafkaConnection, KafkaReport } from './connection.js'
export type { TopicChange } from './topics.js'

export interface KafkaLogOptions extends KafkaConnection {
  /** Of topics that are created; the cluster's default where absent. */
  readonly replicationFactor?: number
  readonly sessionTimeoutMs?: number
  readonly heartbeatMs?: number
}

/** The event log in a Kafka cluster. */
export interface KafkaLog extends EventLog, ConsumerGroups {
  /** What `applyTopics` would do, in the order of the topics. */
  planTopics(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]>
  /**
   * Creates topics and sets what differs from their declaration. TOPIC_MISMATCH, and nothing done, where a number of
   * partitions does.
   */
  applyTopics(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]>
  listTopics(): Promise<readonly string[]>
  /** How many processes are in a group; 0 for one that does not exist. */
  membersOf(group: string): Promise<number>
  /** Removes topics with all that is in them; those that are not there are passed over. */
  removeTopics(topics: readonly string[]): Promise<void>
  /** Leaves all groups and closes every connection. Whoever still reads or appends gets LOG_DOWN. */
  close(): Promise<void>
}

/** A caller waits for seconds, not for an outage: it knows whether to ask again. */
const briefly: Persistence = { outages: 'count' }

class KafkaCluster implements KafkaLog {
  readonly #options: KafkaLogOptions
  /** Appends have a link of their own: a question about offsets or a failing one does not hold them up. */
  readonly #appending: KafkaLink
  readonly #asking: KafkaLink
  readonly #produces: KafkaProduces
  readonly #fetches: KafkaFetches
  readonly #appends = new Map<string, KafkaAppends>()
  readonly #readers = new Set<KafkaReader>()
  readonly #members = new Set<KafkaMember>()
  /** Topics of this process' groups: they have a lag before their first commit. */
  readonly #groupTopics = new Map<string, Set<string>>()

  constructor(options: KafkaLogOptions) {
    this.#options = options
    this.#appending = new KafkaLink(options)
    this.#asking = new KafkaLink(options)
    this.#produces = new KafkaProduces(this.#appending.timeoutMs)
    this.#fetches = new KafkaFetches(options)
  }

  /** Finds the cluster, or throws LOG_DOWN. */
  async open(): Promise<void> {
    await this.#asking.run(`reach Kafka at ${this.#options.brokers.join(', ')}`, (wire) => wire.know([]), briefly)
  }

  ensure(spec: TopicSpec): Promise<void> {
    return this.#withAdmin(`create topic ${spec.topic}`, (admin) =>
      ensureTopic(admin, spec, this.#options.replicationFactor),
    )
  }

  append(at: TopicPartition, records: readonly NewRecord[]): Promise<Offset> {
    if (records.length === 0) return this.bounds(at).then(({ next }) => next)
    const key = keyOf(at)
    let appends = this.#appends.get(key)
    if (appends === undefined)
      this.#appends.set(key, (appends = new KafkaAppends(this.#appending, this.#produces, at, this.#options.clock)))
    return appends.append(records)
  }

  bounds(at: TopicPartition, sinceMs?: number): Promise<{ readonly first: Offset; readonly next: Offset }> {
    return this.#asking.run(`ask for the offsets of ${keyOf(at)}`, (wire) => boundsOf(wire, at, sinceMs), briefly)
  }

  reader(at: TopicPartition): PartitionReader {
    const reader = new KafkaReader(this.#fetches, this.#asking, at, (closed) => this.#readers.delete(closed))
    this.#readers.add(reader)
    return reader
  }

  async join(...[group, topics, work]: Parameters<ConsumerGroups['join']>): Promise<Membership> {
    const { sessionTimeoutMs, heartbeatMs } = this.#options
    const member = new KafkaMember({
      group,
      topics,
      work,
      link: new KafkaLink(this.#options),
      reader: (at) => this.reader(at),
      ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    })
    this.#groupTopics.set(group, new Set([...(this.#groupTopics.get(group) ?? []), ...topics]))
    this.#members.add(member)
    await member.join()
    const leave = async (): Promise<void> => {
      await member.leave()
      this.#members.delete(member)
    }
    return { failed: member.failed, leave }
  }

  lag(group: string): Promise<readonly GroupLag[]> {
    return this.#asking.run(
      `ask for the lag of group ${group}`,
      async (wire) => {
        const committed = new Map<string, Offset>()
        const { responses } = await (await wire.coordinator(group)).offsetFetch({ groupId: group, topics: [] })
        for (const { topic, partitions } of responses)
          for (const { partition, offset } of partitions)
            if (Number(offset) >= 0) committed.set(keyOf({ topic, partition }), Number(offset))
        const topics = new Set([...responses.map(({ topic }) => topic), ...(this.#groupTopics.get(group) ?? [])])
        const asked = await Promise.all(
          [...topics].sort().map(async (topic) => ({ topic, partitions: await wire.partitionsOf(topic) })),
        )
        const [firsts, nexts] = await Promise.all([endsOf(wire, asked, 'first'), endsOf(wire, asked, 'next')])
        return asked.flatMap(({ topic, partitions }) =>
          partitions.map((partition) => {
            const key = keyOf({ topic, partition })
            return { topic, partition, committed: committed.get(key) ?? firsts.get(key)!, next: nexts.get(key)! }
          }),
        )
      },
      briefly,
    )
  }

  planTopics(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]> {
    return this.#withAdmin('look at the topics', (admin) => planTopics(admin, topics))
  }

  async applyTopics(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]> {
    // A try that is repeated finds some of it done: what was to be done is known before the first.
    const plan = await this.planTopics(topics)
    await this.#withAdmin('apply the topics', (admin) => applyTopics(admin, topics, this.#options.replicationFactor))
    return plan
  }

  listTopics(): Promise<readonly string[]> {
    return this.#withAdmin('list the topics', (admin) => admin.listTopics())
  }

  membersOf(group: string): Promise<number> {
    const members = async (wire: Wire): Promise<number> =>
      (await (await wire.coordinator(group)).describeGroups({ groupIds: [group] })).groups[0]?.members.length ?? 0
    return this.#asking.run(`look at group ${group}`, members, briefly)
  }

  removeTopics(topics: readonly string[]): Promise<void> {
    return this.#withAdmin('remove topics', (admin) => removeTopics(admin, topics))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.leave()))
    await Promise.all([...this.#readers].map((reader) => reader.close()))
    this.#fetches.close()
    this.#appending.close()
    this.#asking.close()
  }

  #withAdmin<T>(what: string, use: (admin: Admin) => Promise<T>): Promise<T> {
    return this.#asking.run(what, async (wire) => use(await wire.admin()), briefly)
  }
}

/** Finds the cluster. Throws LOG_DOWN where it cannot be reached or refuses the credentials. */
export async function openKafkaLog(options: KafkaLogOptions): Promise<KafkaLog> {
  if (options.brokers.length === 0)
    throw new EngineError('BAD_CONFIG', 'no Kafka broker is named: set at least one host:port')
  const log = new KafkaCluster(options)
  try {
    await log.open()
  } catch (error) {
    await log.close()
    throw error
  }
  return log
}
