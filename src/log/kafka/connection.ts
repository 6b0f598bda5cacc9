import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../../base/clock.js'

export type KafkaReport = (level: 'warn' | 'debug', message: string, fields: Readonly<Record<string, unknown>>) => void

export interface KafkaConnection {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** `true` trusts the authorities that Node trusts; else certificates as `node:tls` takes them. */
  readonly tls?: boolean | ConnectionOptions
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
  readonly clock: Clock
  /** Told what the client library logs, and of every fault that is waited out. */
  readonly report?: KafkaReport
  readonly timeoutMs?: number
}
