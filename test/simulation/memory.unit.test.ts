import { describe } from 'vitest'
import { systemClock } from '../../src/base/clock.js'
import { stateStoreContract } from '../state/state-store.contract.js'
import { eventLogContract } from '../log/log.contract.js'
import { insertContract } from '../sinks/warehouse.contract.js'
import { MemoryLog } from './memory-log.js'
import { MemoryStateStore } from './memory-state-store.js'
import { MemoryWarehouse } from './memory-warehouse.js'

eventLogContract('the log in memory', async () => {
  let topics = 0
  return {
    log: new MemoryLog(() => systemClock.nowMs()),
    topic: () => `topic-${topics++}`,
    close: async () => undefined,
  }
})

stateStoreContract('memory', async () => ({ store: new MemoryStateStore(), close: async () => undefined }))

describe('a warehouse in memory', () => {
  const warehouse = new MemoryWarehouse()
  insertContract(
    () => warehouse,
    async (topic) => warehouse.final('progress').filter((row) => row['topic'] === topic).length,
  )
})
