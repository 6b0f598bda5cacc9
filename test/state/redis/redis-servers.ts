import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { redis, redisCluster } from '../../../scripts/services/redis.js'
import { isEngineError } from '../../../src/base/errors.js'
import type { RedisAddress } from '../../../src/state/redis/connection.js'
import {
  openRedisStateStore,
  type RedisStateOptions,
  type RedisStateStore,
} from '../../../src/state/redis/state-store.js'

export interface RedisServer {
  /** The addresses of the server, or of the masters of a cluster. */
  readonly nodes: readonly RedisAddress[]
  /** Stops it and starts it again with its data and ports. `between` runs while it is stopped. */
  restart(signal: NodeJS.Signals, between?: () => Promise<void>): Promise<void>
}

/** A server for the tests of this block. Without Redis on the machine they are skipped with the reason. */
export function redisServer(kind: 'server' | 'cluster'): RedisServer {
  const service = kind === 'server' ? redis : redisCluster
  const missing = service.missing()
  let directory: string
  let running: Awaited<ReturnType<typeof service.start>> | undefined
  beforeAll(async () => {
    if (missing !== undefined) return
    directory = await mkdtemp(join(tmpdir(), 'tidemill-redis-'))
    running = await service.start({ directory })
  })
  afterAll(async () => {
    if (running === undefined) return
    await running.stop('SIGKILL')
    await rm(directory, { recursive: true })
  })
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing)
  })
  return {
    get nodes() {
      return running!.ports.slice(0, kind === 'server' ? 1 : 3).map((port) => ({ host: '127.0.0.1', port }))
    },
    async restart(signal, between) {
      const { ports, stop } = running!
      await stop(signal)
      await between?.()
      running = await service.start({ directory, ports })
    },
  }
}

/** Sends a command to every node of a server, one after another. */
export async function ask<T>(
  nodes: readonly RedisAddress[],
  question: (admin: Redis) => Promise<T>,
): Promise<readonly T[]> {
  const answers: T[] = []
  for (const node of nodes) {
    const admin = new Redis({ ...node, lazyConnect: true })
    await admin.connect()
    answers.push(await question(admin))
    admin.disconnect()
  }
  return answers
}

/** A store that is closed after the test. */
export async function open(options: RedisStateOptions): Promise<RedisStateStore> {
  const store = await openRedisStateStore(options)
  onTestFinished(() => store.close())
  return store
}

/** Repeats a call that fails with an error to be retried, as the engine does. */
export async function withRetry<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!isEngineError(error) || error.disposition !== 'retry') throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

export const isStoreDown = (error: unknown): boolean =>
  isEngineError(error, 'STORE_DOWN') && error.disposition === 'retry'
