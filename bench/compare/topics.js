// The broker as the driver sees it: topics that are made for a run, the workload that is put in, predictions that come
// out.
import kafkajs from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'

const dist = (/** @type {string} */ path) => import(new URL(`../../dist/${path}`, import.meta.url).href)
const [{ systemClock }, { openKafkaLog }, { appendInBatches, benchStream, workloadRecords }] = await Promise.all([
  dist('base/clock.js'),
  dist('log/kafka/log.js'),
  dist('bench/setup.js'),
])

/** @typedef {import('../../src/log/event-log.js').LogRecord} LogRecord */

export const stream = await benchStream()
/**
 * Every engine reads and writes these, because a stream of Tidemill names its topics. @type {{ events: string,
 * predictions: string }}
 */
export const topics = stream.topics
/** @type {readonly number[]} */
const partitions = Array.from({ length: stream.stream.partitions }, (_, partition) => partition)

/**
 * The events of the workload, in their order. @param {number} count @returns
 * {Iterable<import('../engine/setup.js').Placed>}
 */
export const workloadOf = (count) => workloadRecords(stream, 'json', count)

const creationTries = 100
const readBound = { records: 10_000, bytes: 4 * 1024 * 1024 }

/** @param {string} address */
export async function openBroker(address) {
  const admin = new kafkajs.Kafka({ brokers: [address], clientId: 'bench', logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  /** @type {import('../../src/log/kafka/log.js').KafkaLog} */
  const log = await openKafkaLog({ brokers: [address], clientId: 'bench-driver', clock: systemClock })

  /** @param {string} topic */
  const count = async (topic) => (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0)

  /** @param {(topic: string) => boolean} isWanted */
  async function remove(isWanted) {
    const named = (await admin.listTopics()).filter((topic) => !topic.startsWith('__') && isWanted(topic))
    if (named.length === 0) return
    await admin.deleteTopics({ topics: named })
    while ((await admin.listTopics()).some((topic) => named.includes(topic))) await sleep(50)
  }

  /**
   * The broker's own clock stamps what is appended where `isStamped`. @param {string} topic @param {boolean} isStamped
   */
  async function create(topic, isStamped) {
    const configEntries = isStamped ? [{ name: 'message.timestamp.type', value: 'LogAppendTime' }] : []
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions.length, replicationFactor: 1, configEntries }],
    })
    // A broker knows of a new topic a moment later.
    for (let tries = 1; ; tries++)
      try {
        return void (await count(topic))
      } catch (error) {
        if (tries === creationTries) throw error
        await sleep(100)
      }
  }

  return {
    log,
    count,

    /** An empty output, and nothing of former runs but the events. */
    async renew() {
      await remove((topic) => topic !== topics.events)
      await create(topics.predictions, true)
    },

    /** The whole workload in a new topic. @param {number} events */
    async fill(events) {
      await remove((topic) => topic === topics.events)
      await create(topics.events, false)
      await appendInBatches(log, stream, workloadOf(events))
    },

    async empty() {
      await remove((topic) => topic === topics.events)
      await create(topics.events, false)
    },

    /**
     * Gives every record of a topic, from its beginning on, until `signal` aborts. @param {string} topic @param
     * {(record: LogRecord) => void} take @param {AbortSignal} signal
     */
    async read(topic, take, signal) {
      await Promise.all(
        partitions.map(async (partition) => {
          const reader = log.reader({ topic, partition })
          try {
            for (let next = 0; !signal.aborted;)
              for (const record of await reader.read(next, readBound, signal)) {
                next = record.offset + 1
                take(record)
              }
          } finally {
            await reader.close()
          }
        }),
      )
    },

    async close() {
      await admin.disconnect()
      await log.close()
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof openBroker>>} Broker */
