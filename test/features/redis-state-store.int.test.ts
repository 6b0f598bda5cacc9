import { describe } from 'vitest'
import { Redis } from 'ioredis'
import { openRedisStateStore } from '../../src/features/redis-state-store.js'
import { redisServer } from './redis-servers.js'
import { stateStoreContract } from './state-store.contract.js'

for (const kind of ['server', 'cluster'] as const)
  describe(kind, () => {
    const server = redisServer(kind)
    stateStoreContract(`a Redis ${kind}`, async () => {
      for (const node of server.nodes) {
        const admin = new Redis(node)
        await admin.flushall()
        await admin.quit()
      }
      const store = await openRedisStateStore({ nodes: server.nodes })
      return { store, close: () => store.close() }
    })
  })
