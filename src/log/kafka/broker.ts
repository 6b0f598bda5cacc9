import type { Broker } from 'kafkajs'
import type { Request } from './wire.js'

/**
 * Private parts of kafkajs: the connection behind a broker, which takes any request of the protocol, and the group
 * requests. The version of kafkajs is pinned, and the tests use each of these.
 */
export interface LinkedBroker extends Broker {
  readonly connectionPool: {
    send(request: {
      request: {
        apiKey: number
        apiVersion: number
        apiName: string
        encode: () => Promise<{ buf: Buffer; buffer: Buffer }>
      }
      response: {
        decode: (answer: Buffer) => Promise<{ value: unknown; clientSideThrottleTime: number }>
        parse: (data: { value: unknown }) => Promise<unknown>
      }
      requestTimeout: number
    }): Promise<unknown>
  }
  createTopics(request: {
    topics: readonly {
      topic: string
      numPartitions: number
      replicationFactor?: number
      configEntries: readonly { name: string; value: string }[]
    }[]
    timeout: number
  }): Promise<unknown>
  initProducerId(request: { transactionalId: null }): Promise<{ producerId: string; producerEpoch: number }>
  joinGroup(request: {
    groupId: string
    sessionTimeout: number
    rebalanceTimeout: number
    memberId: string
    groupProtocols: readonly { name: string; metadata: Buffer }[]
  }): Promise<{
    generationId: number
    leaderId: string
    memberId: string
    members: readonly { memberId: string; memberMetadata: Buffer }[]
  }>
  syncGroup(request: {
    groupId: string
    generationId: number
    memberId: string
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[]
  }): Promise<{ memberAssignment: Buffer }>
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
  describeGroups(request: {
    groupIds: readonly string[]
  }): Promise<{ groups: readonly { members: readonly unknown[] }[] }>
}

/** Sends a request through the connection that kafkajs keeps to the broker. */
export function send<T>(
  broker: LinkedBroker,
  { name, key, version, body, waitMs, throttleAt, parse }: Request<T>,
  timeoutMs: number,
): Promise<T> {
  const answered = broker.connectionPool.send({
    request: { apiKey: key, apiVersion: version, apiName: name, encode: async () => ({ buf: body, buffer: body }) },
    response: {
      decode: async (answer) => ({
        value: parse(answer),
        clientSideThrottleTime: answer.readInt32BE(throttleAt === 'start' ? 0 : answer.length - 4),
      }),
      parse: async ({ value }) => value,
    },
    requestTimeout: waitMs + timeoutMs,
  })
  return answered as Promise<T>
}
