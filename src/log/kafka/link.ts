import { connect, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions } from 'node:tls'
import kafkajs from 'kafkajs'
import type { Admin, Cluster, Kafka, KafkaConfig } from 'kafkajs'
import { EngineError, isEngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import type { TopicPartition } from '../event-log.js'
import type { LinkedBroker } from './broker.js'
import type { KafkaConnection, KafkaReport } from './connection.js'
import { BrokerFault, faultType, unknownTopic } from './faults.js'
import { persistently } from './persistence.js'
import type { Persistence } from './persistence.js'
import { checkOnlyWaitingRequests } from './quiet-queue.js'

const { Kafka: Client, logLevel } = kafkajs
checkOnlyWaitingRequests()

/**
 * The connections to a cluster. kafkajs gives its cluster object only to assigners of partitions, so the constructor
 * registers one to get it.
 */
export class Wire {
  readonly cluster: Cluster
  readonly #kafka: Kafka
  readonly #sockets = new Set<Socket>()
  readonly #topics = new Set<string>()
  #admin: Promise<Admin> | undefined
  #isClosed = false

  constructor(options: KafkaConnection) {
    const { brokers, clientId, sasl, timeoutMs = limits.brokerTimeoutMs } = options
    const config: KafkaConfig = {
      brokers: [...brokers],
      clientId,
      ...(options.tls === undefined || options.tls === false ? {} : { ssl: options.tls === true ? {} : options.tls }),
      ...(sasl === undefined ? {} : { sasl: { ...sasl } as NonNullable<KafkaConfig['sasl']> }),
      connectionTimeout: timeoutMs,
      authenticationTimeout: timeoutMs,
      requestTimeout: timeoutMs,
      // The code that uses the wire retries, with a new wire.
      retry: { retries: 0 },
      logLevel: logLevel.INFO,
      logCreator:
        () =>
        ({ log: { message, broker } }) =>
          this.#log(options.report, message, broker),
      socketFactory: ({ host, port, ssl, onConnect }) => this.#socket(host, port, ssl, onConnect),
    }
    this.#kafka = new Client(config)
    let cluster: Cluster | undefined
    this.#kafka.consumer({
      groupId: clientId,
      allowAutoTopicCreation: false,
      partitionAssigners: [
        (given) => {
          cluster = given.cluster
          return {
            name: '',
            version: 0,
            assign: async () => [],
            protocol: () => ({ name: '', metadata: Buffer.alloc(0) }),
          }
        },
      ],
    })
    this.cluster = cluster!
  }

  /** kafkajs' own admin client. Its separate connections end with this wire. */
  admin(): Promise<Admin> {
    const connected = async (): Promise<Admin> => {
      const admin = this.#kafka.admin()
      await admin.connect()
      return admin
    }
    return (this.#admin ??= connected())
  }

  /** Loads the partitions of the topics, if they are not loaded yet. */
  async know(topics: readonly string[]): Promise<void> {
    if (topics.every((topic) => this.#topics.has(topic)) && this.cluster.isConnected()) return
    await this.cluster.connect()
    for (const topic of topics)
      try {
        await this.cluster.addTargetTopic(topic)
      } catch (error) {
        if (faultType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') throw new BrokerFault(unknownTopic, `topic ${topic}`)
        throw error
      }
    for (const topic of topics) this.#topics.add(topic)
  }

  async partitionsOf(topic: string): Promise<number[]> {
    await this.know([topic])
    return this.cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => partitionId)
      .sort((a, b) => a - b)
  }

  async leader({ topic, partition }: TopicPartition): Promise<LinkedBroker> {
    await this.know([topic])
    const found = this.cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
    if (found === undefined) throw new EngineError('TOPIC_MISMATCH', `topic ${topic} has no partition ${partition}`)
    return (await this.cluster.findBroker({ nodeId: String(found.leader) })) as LinkedBroker
  }

  /** The broker that takes requests about topics. */
  async controller(): Promise<LinkedBroker> {
    await this.cluster.connect()
    await this.cluster.refreshMetadataIfNecessary()
    return (await this.cluster.findControllerBroker()) as LinkedBroker
  }

  /** Every broker of the cluster that can be reached. */
  async brokers(): Promise<LinkedBroker[]> {
    await this.controller()
    const found = await Promise.allSettled(
      this.cluster.getNodeIds().map((nodeId) => this.cluster.findBroker({ nodeId: String(nodeId) })),
    )
    return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value as LinkedBroker] : []))
  }

  async coordinator(group: string): Promise<LinkedBroker> {
    await this.cluster.connect()
    await this.cluster.refreshMetadataIfNecessary()
    return (await this.cluster.findGroupCoordinator({ groupId: group })) as LinkedBroker
  }

  /** Cuts every connection. Requests that wait for an answer fail at once. */
  close(): void {
    this.#isClosed = true
    for (const socket of this.#sockets) socket.destroy(new Error('closed'))
    void this.cluster.disconnect().catch(() => undefined)
  }

  /** Logged as debug, because kafkajs logs everything as an error. The users of the wire report real failures. */
  #log(report: KafkaReport | undefined, message: string, broker: unknown): void {
    if (!this.#isClosed) report?.('debug', message, broker === undefined ? {} : { broker })
  }

  #socket(host: string, port: number, ssl: ConnectionOptions | null | undefined, onConnect: () => void): Socket {
    const socket =
      ssl === undefined || ssl === null
        ? connect({ host, port }, onConnect)
        : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, limits.brokerTimeoutMs)
    // kafkajs may be about to connect when the wire is closed.
    if (this.#isClosed) socket.destroy(new Error('closed'))
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }
}

/** A wire that is replaced after every fault. Each purpose has its own link, so that a waiting request delays none. */
export class KafkaLink {
  readonly options: KafkaConnection
  #wire: Wire | undefined
  #closed = false

  constructor(options: KafkaConnection) {
    this.options = options
  }

  get timeoutMs(): number {
    return this.options.timeoutMs ?? limits.brokerTimeoutMs
  }

  /** Repeats `attempt` with a new wire each time, as `persistently` does. */
  run<T>(what: string, attempt: (wire: Wire) => Promise<T>, persistence: Persistence): Promise<T> {
    const once = async (): Promise<T> => {
      const wire = (this.#wire ??= new Wire(this.options))
      try {
        return await attempt(wire)
      } catch (error) {
        if (!isEngineError(error)) this.#drop(wire)
        throw error
      }
    }
    return persistently(this.options, what, once, persistence, () => this.#closed)
  }

  close(): void {
    this.#closed = true
    if (this.#wire !== undefined) this.#drop(this.#wire)
  }

  #drop(wire: Wire): void {
    wire.close()
    if (this.#wire === wire) this.#wire = undefined
  }
}
