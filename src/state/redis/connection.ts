import type { ConnectionOptions } from 'node:tls'
import { Cluster, Command, Redis } from 'ioredis'
import { EngineError } from '../../base/errors.js'
import { limits } from '../../base/limits.js'
import { checkServer, viewOf, type RedisServerView } from './info.js'
import { isUnknownScript, redisError } from './errors.js'
import type { RedisScript } from './scripts.js'

export interface RedisAddress {
  readonly host: string
  readonly port: number
}

export interface RedisConnectionOptions {
  /** One server, or some nodes of a cluster; the client finds the other nodes through them. */
  readonly nodes: readonly RedisAddress[]
  /** Whether it is a cluster. Where absent, the first node that answers decides. */
  readonly cluster?: boolean
  /** Options of the TLS connection; where absent, plain TCP. */
  readonly tls?: ConnectionOptions
  readonly username?: string
  readonly password?: string
  /** A server that does not answer for this long counts as unreachable; where absent, `limits.storeTimeoutMs`. */
  readonly timeoutMs?: number
}

export type Argument = string | number | Buffer

/**
 * A server or a cluster. Every failure is an engine error: STORE_DOWN where waiting helps. No command is queued while
 * the server is unreachable.
 */
export interface RedisConnection {
  /** Replies are buffers, integers and arrays of them. All keys of a command must have the same slot. */
  send(name: string, ...args: readonly Argument[]): Promise<unknown>
  /** Runs a script in one round trip, or in two when the server does not know it yet. */
  run(script: RedisScript, keys: readonly string[], args: readonly Argument[]): Promise<unknown>
  /** What each server that holds state reports about itself. */
  inspect(): Promise<readonly RedisServerView[]>
  close(): Promise<void>
}

/**
 * Connects, and refuses servers that would lose state: BAD_CONFIG for a server that evicts or is older than 6.2.
 * STORE_DOWN when no server answers; the caller tries again if it wants to wait.
 */
export async function connectRedis(options: RedisConnectionOptions): Promise<RedisConnection> {
  if (options.nodes.length === 0) throw new EngineError('BAD_CONFIG', 'no Redis node is named')
  const where = options.nodes.map(({ host, port }) => `${host}:${port}`).join(', ')
  const cluster = options.cluster ?? (await isCluster(options, where))
  if (!cluster && options.nodes.length > 1)
    throw new EngineError('BAD_CONFIG', `Redis at ${where} is no cluster: name the one server that holds the state`)
  const client = cluster ? clusterOf(options) : serverOf(options, options.nodes[0]!)
  try {
    await client.connect()
    await Promise.all(serversOf(client).map(async (server) => checkServer(await server.info())))
  } catch (error) {
    client.disconnect()
    throw redisError(error, where, reasons.get(client))
  }
  const send = async (name: string, args: readonly Argument[]): Promise<unknown> => {
    const command = new Command(name, [...args], { replyEncoding: null })
    void client.sendCommand(command)
    try {
      return await (command.promise as Promise<unknown>)
    } catch (error) {
      throw redisError(error, where, reasons.get(client))
    }
  }
  return {
    send: (name, ...args) => send(name, args),
    run: async ({ sha, lua }, keys, args) => {
      const rest = [keys.length, ...keys, ...args]
      try {
        return await send('evalsha', [sha, ...rest])
      } catch (error) {
        if (!isUnknownScript(error)) throw error
        return send('eval', [lua, ...rest])
      }
    },
    inspect: async () => {
      try {
        return await Promise.all(
          serversOf(client).map(async (server) =>
            viewOf(`${server.options.host}:${server.options.port}`, await server.info(), await server.time()),
          ),
        )
      } catch (error) {
        throw redisError(error, where, reasons.get(client))
      }
    },
    close: async () => {
      // Without a connection `quit` fails, which does not matter.
      await client.quit().catch(() => undefined)
      client.disconnect()
    },
  }
}

/** The servers that hold state: the one server, or the masters of a cluster. */
const serversOf = (client: Redis | Cluster): readonly Redis[] =>
  client instanceof Cluster ? client.nodes('master') : [client]

const retryDelayMs = (times: number): number => Math.min(times * 50, limits.storeReconnectMs)

/**
 * A command is sent at once or fails at once. So no queue grows while the server is unreachable, and the client never
 * repeats a command whose answer was lost: its caller decides.
 */
const base = ({ tls, username, password, timeoutMs = limits.storeTimeoutMs }: RedisConnectionOptions) => ({
  lazyConnect: true, connectTimeout: timeoutMs, socketTimeout: timeoutMs,
  maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false, connectionName: 'tidemill-state',
  ...(tls === undefined ? {} : { tls }), ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
}) // prettier-ignore

/** Why a client has no connection. The errors of the commands that fail without a connection do not contain it. */
const reasons = new WeakMap<object, unknown>()

function watched<C extends Redis | Cluster>(client: C): C {
  client.on('error', (error: unknown) => reasons.set(client, error))
  client.on('ready', () => reasons.delete(client))
  return client
}

const serverOf = (
  options: RedisConnectionOptions,
  { host, port }: RedisAddress,
  retryStrategy: (times: number) => number | null = retryDelayMs,
): Redis =>
  watched(
    new Redis({
      ...base(options),
      host,
      port,
      retryStrategy,
      enableOfflineQueue: false,
      // After a failover the address may lead to a replica. A new connection resolves the address again.
      reconnectOnError: (error) => error.message.includes('READONLY'),
    }),
  )

const clusterOf = (options: RedisConnectionOptions): Cluster =>
  watched(
    new Cluster([...options.nodes], {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryDelayMs,
      slotsRefreshTimeout: options.timeoutMs ?? limits.storeTimeoutMs,
      redisOptions: base(options),
    }),
  )

async function isCluster(options: RedisConnectionOptions, where: string): Promise<boolean> {
  let reason: unknown
  for (const node of options.nodes) {
    const probe = serverOf(options, node, () => null)
    try {
      await probe.connect()
      return /^cluster_enabled:1/m.test(await probe.info())
    } catch (error) {
      reason = reasons.get(probe) ?? error
    } finally {
      probe.disconnect()
    }
  }
  throw redisError(reason, where)
}
