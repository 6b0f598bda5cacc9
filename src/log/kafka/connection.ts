import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../../base/clock.js'

export type KafkaReport = (level: 'warn' | 'debug', message: string, fields: Readonly<Record<string, unknown>>) => void

export interface KafkaConnection {
  /** `host:port` of some brokers; the client finds the others through them. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** `true` trusts the authorities that Node trusts; otherwise the options of `node:tls`. */
  readonly tls?: boolean | ConnectionOptions
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
  readonly clock: Clock
  /** Called with the log of the client library, and with every fault after which the client waits and tries again. */
  readonly report?: KafkaReport
  readonly timeoutMs?: number
}
