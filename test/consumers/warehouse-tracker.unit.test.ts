import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { systemClock } from '../../src/clock.js'
import type { Mark } from '../../src/consumers/warehouse-progress.js'
import { trackProgress } from '../../src/consumers/warehouse-tracker.js'
import type { EventLog } from '../../src/log/event-log.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'

test('what an earlier assignment stored late does not take the mark back; a new start does', async () => {
  const warehouse: Warehouse = { insert: () => Promise.resolve(), query: () => Promise.resolve([]), run: () => Promise.resolve(), close: () => Promise.resolve() }
  const tracker = trackProgress({ warehouse, clock: systemClock, log: {} as EventLog, stopping: AbortSignal.abort(), onRetry: (error) => assert.ifError(error), onWritten: () => undefined })
  const at = (next: number): Mark => ({ table: 'predictions', topic: 'doors', partition: 1, next, covered: -1, epoch: 0 })
  const next = (): number | undefined => tracker.marks()[0]?.next
  tracker.start(at(20))
  tracker.stored([at(29)])
  tracker.stored([at(23)])
  assert.equal(next(), 29)
  tracker.start(at(20))
  tracker.stored([at(23)])
  assert.equal(next(), 23)
  await tracker.close()
})
