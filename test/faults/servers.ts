import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { clickhouse, startFront, type Front } from '../../scripts/services/clickhouse.js'
import { kafka } from '../../scripts/services/kafka.js'
import { redis } from '../../scripts/services/redis.js'
import type { Running, Service } from '../../scripts/services/start-process.js'
import { watchRedis, type RedisWatch } from './redis-watch.js'
import type { FaultRun } from './fault.js'

/** A server that can be killed and comes back at its ports with the data that it had. */
export interface Server {
  readonly directory: string
  readonly port: number
  readonly variables: Readonly<Record<string, string>>
  readonly pid: number
  kill(): Promise<void>
  start(): Promise<void>
}

/** The servers of one fault, which are nobody else's. */
export interface Servers {
  readonly kafka: Server
  readonly redis: Server
  /** Sees what Redis answers to the engines. */
  readonly watch: RedisWatch
  readonly front: Front & Running
  readonly variables: Readonly<Record<string, string>>
}

export const serversMissing = (): readonly string[] =>
  [kafka, redis, clickhouse].flatMap((service) => service.missing() ?? [])

async function serverOf(service: Service, { directory, defer }: FaultRun): Promise<Server> {
  const place = join(directory, service.name)
  await mkdir(place, { recursive: true })
  let running = await service.start({ directory: place })
  defer(() => running.stop('SIGKILL'))
  const { ports, variables } = running
  return {
    directory: place,
    port: ports[0]!,
    variables,
    get pid() {
      return running.pid
    },
    kill: () => running.stop('SIGKILL'),
    async start() {
      running = await service.start({ directory: place, ports })
    },
  }
}

export async function startServers(run: FaultRun): Promise<Servers> {
  const [broker, store, front] = await Promise.all([
    serverOf(kafka, run),
    serverOf(redis, run),
    startFront({ directory: join(run.directory, 'clickhouse') }),
  ])
  run.defer(() => front.stop('SIGKILL'))
  const watch = await watchRedis(store.port)
  run.defer(() => watch.close())
  return {
    kafka: broker,
    redis: store,
    watch,
    front,
    variables: {
      TIDEMILL_PRESET: 'cluster',
      ...broker.variables,
      ...front.variables,
      TIDEMILL_REDIS_NODES: `127.0.0.1:${watch.port}`,
    },
  }
}
