import { EngineError, messageOf } from '../../base/errors.js'

/** The error codes of Kafka's protocol that this client handles by name. */
const names: Readonly<Record<number, string>> = {
  1: 'OFFSET_OUT_OF_RANGE',
  2: 'CORRUPT_MESSAGE',
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_FOR_PARTITION',
  7: 'REQUEST_TIMED_OUT',
  9: 'REPLICA_NOT_AVAILABLE',
  10: 'MESSAGE_TOO_LARGE',
  17: 'INVALID_TOPIC_EXCEPTION',
  18: 'RECORD_LIST_TOO_LARGE',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  32: 'INVALID_TIMESTAMP',
  45: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  46: 'DUPLICATE_SEQUENCE_NUMBER',
  47: 'INVALID_PRODUCER_EPOCH',
  56: 'KAFKA_STORAGE_ERROR',
  59: 'UNKNOWN_PRODUCER_ID',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  87: 'INVALID_RECORD',
}

export const offsetOutOfRange = 1
export const unknownTopic = 3

/** A broker answered with an error code. `type` is the name that kafkajs uses, so one check covers both. */
export class BrokerFault extends Error {
  override readonly name = 'BrokerFault'
  readonly type: string
  constructor(code: number, where: string) {
    const type = names[code] ?? `error ${code}`
    super(`${where}: the broker answers ${type}`)
    this.type = type
  }
}

/** The protocol's name of the error, also when kafkajs has wrapped it several times. */
export function faultType(error: unknown): string | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause)
    if ('type' in inner && typeof inner.type === 'string') return inner.type
  return undefined
}

const outageNames = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSBrokerNotFound',
  'KafkaJSLockTimeout',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSGroupCoordinatorNotFound',
])
const outageTypes = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'NOT_ENOUGH_REPLICAS',
  'BROKER_NOT_AVAILABLE',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR_FOR_GROUP',
  'COORDINATOR_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
])

/** Whether no broker answers, or no broker leads the partition or group now. Such errors end without our doing. */
export function isOutage(error: unknown): boolean {
  const type = faultType(error)
  if (type !== undefined) return outageTypes.has(type)
  for (let inner = error; inner instanceof Error; inner = inner.cause) if (outageNames.has(inner.name)) return true
  return false
}

const slowTypes = new Set([
  'REQUEST_TIMED_OUT',
  'NOT_CONTROLLER',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NETWORK_EXCEPTION',
  'THROTTLING_QUOTA_EXCEEDED',
])
const slowNames = new Set(['KafkaJSRequestTimeoutError', 'KafkaJSTimeout', 'TopicsPending'])

/** A change of topics that was made and that brokers do not show yet. */
export class TopicsPending extends Error {
  override readonly name = 'TopicsPending'
}

/** Whether a request about topics failed because brokers are busy or have not heard of a change yet. It ends alone. */
export function isSlow(error: unknown): boolean {
  if (slowTypes.has(faultType(error) ?? '')) return true
  for (let inner = error; inner instanceof Error; inner = inner.cause) if (slowNames.has(inner.name)) return true
  return false
}

const refusals = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'ILLEGAL_SASL_STATE',
  'UNSUPPORTED_SASL_MECHANISM',
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
])

const tlsFault = /certificate|\b(TLS|SSL)\b|altnames/i

/** What a person can check where waiting does not help. A TLS listener closes connections of clients without TLS. */
function adviceOn(error: unknown, speaksTls: boolean): string {
  const isNamed = (name: string): boolean => {
    for (let inner = error; inner instanceof Error; inner = inner.cause) if (inner.name === name) return true
    return false
  }
  if (isNamed('KafkaJSSASLAuthenticationError') || refusals.has(faultType(error) ?? ''))
    return '. Check the credentials in the configuration and the ACLs of the cluster'
  if (speaksTls && isNamed('KafkaJSConnectionError') && tlsFault.test(messageOf(error)))
    return ". Check kafka.caFile, and that the brokers' certificates are valid for these names"
  if (!speaksTls && isNamed('KafkaJSConnectionClosedError')) return '. Where the listener speaks TLS, set kafka.tls'
  return ''
}

/** The engine error for a fault when the client gives up. `what` completes "cannot ...". */
export function gaveUp(error: unknown, what: string, speaksTls: boolean): EngineError {
  if (faultType(error) === names[unknownTopic])
    return new EngineError(
      'TOPIC_MISMATCH',
      `cannot ${what}: ${messageOf(error)}. Create it (tidemill topics apply), or allow this client to see it.`,
      { cause: error },
    )
  return new EngineError('LOG_DOWN', `cannot ${what}: ${messageOf(error)}${adviceOn(error, speaksTls)}`, {
    cause: error,
  })
}
