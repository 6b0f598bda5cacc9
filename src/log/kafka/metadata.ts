import { send, type LinkedBroker } from './broker.js'
import { BrokerFault, unknownTopic } from './faults.js'
import type { Wire } from './link.js'
import { text, int32, type Request } from './wire.js'

/** A topic as a broker knows it. */
export interface KnownTopic {
  readonly partitions: number
  /** Whether every partition has a leader. */
  readonly isLed: boolean
}

const leaderNotAvailable = 5

/**
 * Metadata (version 4) of some topics, or of all; creates none. A topic that the broker does not know is left out.
 * kafkajs' own request fails as a whole when any topic of the cluster has an error, as happens in busy clusters.
 */
const metadataRequest = (topics: readonly string[] | 'all'): Request<ReadonlyMap<string, KnownTopic>> => ({
  name: 'Metadata',
  key: 3,
  version: 4,
  waitMs: 0,
  throttleAt: 'start',
  body:
    topics === 'all'
      ? Buffer.concat([int32(-1), Buffer.from([0])])
      : Buffer.concat([int32(topics.length), ...topics.map(text), Buffer.from([0])]),
  parse: (answer) => parseMetadata(answer, topics !== 'all'),
})

/** `isStrict`: throws the error of a topic. Otherwise topics with an error are left out. */
function parseMetadata(answer: Buffer, isStrict: boolean): ReadonlyMap<string, KnownTopic> {
  let at = 4
  const number = (): number => answer.readInt32BE((at += 4) - 4)
  const short = (): number => answer.readInt16BE((at += 2) - 2)
  const string = (): string => {
    const length = Math.max(0, short())
    return answer.toString('utf8', at, (at += length))
  }
  const each = <T>(read: () => T): T[] => Array.from({ length: number() }, read)
  each(() => [number(), string(), number(), string()]) // brokers: id, host, port, rack
  string() // cluster
  number() // controller
  const topics = each(() => {
    const [error, topic] = [short(), string()]
    at++ // internal
    const leaders = each(() => {
      const partitionError = short()
      number() // partition
      const leader = number()
      each(number) // replicas
      each(number) // in-sync replicas
      return partitionError === leaderNotAvailable ? -1 : leader
    })
    return { error, topic, leaders }
  })
  const known = new Map<string, KnownTopic>()
  for (const { error, topic, leaders } of topics) {
    if (error === unknownTopic || (error !== 0 && !isStrict)) continue
    if (error !== 0) throw new BrokerFault(error, `topic ${topic}`)
    known.set(topic, { partitions: leaders.length, isLed: leaders.every((leader) => leader >= 0) })
  }
  return known
}

const ask = (broker: LinkedBroker, topics: readonly string[] | 'all', timeoutMs: number) =>
  send(broker, metadataRequest(topics), timeoutMs)

/** Of these topics those that exist, as one broker knows them. */
export async function topicsIn(
  wire: Wire,
  topics: readonly string[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, KnownTopic>> {
  if (topics.length === 0) return new Map()
  return ask(await wire.controller(), topics, timeoutMs)
}

/** The names of all topics that this client may see. */
export const allTopics = async (wire: Wire, timeoutMs: number): Promise<string[]> => [
  ...(await ask(await wire.controller(), 'all', timeoutMs)).keys(),
]

/** The topics that some broker does not know yet, or that lack a leader. Only brokers that answer count. */
export async function pendingTopics(wire: Wire, topics: readonly string[], timeoutMs: number): Promise<string[]> {
  const brokers = await wire.brokers()
  const answers = await Promise.allSettled(brokers.map((broker) => ask(broker, topics, timeoutMs)))
  const views = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (views.length === 0) throw (answers[0] as PromiseRejectedResult).reason
  return topics.filter((topic) => views.some((known) => known.get(topic)?.isLed !== true))
}
