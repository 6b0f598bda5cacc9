import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type {
  ConsumerGroups,
  EventLog,
  GroupLag,
  Membership,
  NewRecord,
  Offset,
  TopicPartition,
  TopicSpec,
} from '../event-log.js'
import { KafkaAppends } from './appends.js'
import { KafkaFetches } from './fetches.js'
import type { KafkaConnection } from './connection.js'
import { isSlow } from './faults.js'
import { KafkaLink } from './link.js'
import type { Wire } from './link.js'
import { allTopics } from './metadata.js'
import { KafkaMember } from './member.js'
import { boundsOf, endsOf } from './offsets.js'
import type { Persistence } from './persistence.js'
import { KafkaProduces } from './produces.js'
import { KafkaReader, type OnHole } from './reader.js'
import { applyTopics, ensureTopic, planTopics, removeTopics } from './topics.js'
import type { TopicChange, TopicWork } from './topics.js'
import { keyOf } from './work.js'

export type { KafkaConnection, KafkaReport } from './connection.js'
export type { TopicChange } from './topics.js'

export interface KafkaLogOptions extends KafkaConnection {
  /** For topics that are created; where absent, the cluster's default. */
  readonly replicationFactor?: number
  readonly sessionTimeoutMs?: number
  readonly heartbeatMs?: number
}

/** The event log in a Kafka cluster. */
export interface KafkaLog extends EventLog, ConsumerGroups {
  /** What `applyTopics` would do, in the order of the topics. */
  planTopics(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]>
  /**
   * Creates topics and changes the settings that differ from their declaration. Throws TOPIC_MISMATCH, and changes
   * nothing, where a number of partitions differs.
   */
  applyTopics(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]>
  listTopics(): Promise<readonly string[]>
  /** The number of processes in a group; 0 where the group does not exist. */
  membersOf(group: string): Promise<number>
  /** Removes topics with all their records; topics that do not exist are ignored. */
  removeTopics(topics: readonly string[]): Promise<void>
  /** Leaves all groups and closes every connection. Reads and appends in flight fail with LOG_DOWN. */
  close(): Promise<void>
}

/** The call fails within seconds, also during an outage. The caller decides whether to try again. */
const briefly: Persistence = { outages: 'count' }

class KafkaCluster implements KafkaLog {
  readonly #options: KafkaLogOptions
  /** Appends have their own link, so that slow or failing requests for offsets do not delay them. */
  readonly #appending: KafkaLink
  readonly #asking: KafkaLink
  readonly #produces: KafkaProduces
  readonly #fetches: KafkaFetches
  readonly #appends = new Map<string, KafkaAppends>()
  readonly #readers = new Set<KafkaReader>()
  readonly #members = new Set<KafkaMember>()
  /** Topics of the groups that this process joined: they have a lag even before the first commit. */
  readonly #groupTopics = new Map<string, Set<string>>()

  constructor(options: KafkaLogOptions) {
    this.#options = options
    this.#appending = new KafkaLink(options)
    this.#asking = new KafkaLink(options)
    this.#produces = new KafkaProduces(this.#appending.timeoutMs)
    this.#fetches = new KafkaFetches(options)
  }

  /** Connects to the cluster, or throws LOG_DOWN. */
  async open(): Promise<void> {
    await this.#asking.run(`reach Kafka at ${this.#options.brokers.join(', ')}`, (wire) => wire.know([]), briefly)
  }

  ensure(spec: TopicSpec): Promise<void> {
    return this.#withTopics(`create topic ${spec.topic}`, (work) => ensureTopic(work, spec))
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

  reader(at: TopicPartition, onHole?: OnHole): KafkaReader {
    const reader = new KafkaReader(this.#fetches, this.#asking, at, (closed) => this.#readers.delete(closed), onHole)
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
      reader: (at, onHole) => this.reader(at, onHole),
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
    return this.#withTopics('read the topics', (work) => planTopics(work, topics))
  }

  async applyTopics(topics: readonly TopicSpec[]): Promise<readonly TopicChange[]> {
    // Planned before the first try, because a repeated try finds some of the changes done already.
    const plan = await this.planTopics(topics)
    await this.#withTopics('apply the topics', (work) => applyTopics(work, topics))
    return plan
  }

  listTopics(): Promise<readonly string[]> {
    return this.#withTopics('list the topics', ({ wire, timeoutMs }) => allTopics(wire, timeoutMs))
  }

  membersOf(group: string): Promise<number> {
    const members = async (wire: Wire): Promise<number> =>
      (await (await wire.coordinator(group)).describeGroups({ groupIds: [group] })).groups[0]?.members.length ?? 0
    return this.#asking.run(`read group ${group}`, members, briefly)
  }

  removeTopics(topics: readonly string[]): Promise<void> {
    return this.#withTopics('remove topics', (work) => removeTopics(work, topics))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members].map((member) => member.leave()))
    await Promise.all([...this.#readers].map((reader) => reader.close()))
    this.#fetches.close()
    this.#appending.close()
    this.#asking.close()
  }

  /** Waits for brokers that are only slow, because nobody can do more than repeat it. */
  #withTopics<T>(what: string, use: (work: TopicWork) => Promise<T>): Promise<T> {
    const { replicationFactor, clock } = this.#options
    const { timeoutMs } = this.#asking
    const pause = (ms: number): Promise<void> => clock.sleep(ms)
    return this.#asking.run(what, (wire) => use({ wire, timeoutMs, replicationFactor, pause }), {
      outages: 'wait',
      withinMs: limits.topics.waitMs,
      isSlow,
    })
  }
}

/** Connects to the cluster. Throws LOG_DOWN where it is unreachable or refuses the credentials. */
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
