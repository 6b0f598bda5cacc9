import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import { systemClock } from '../../src/clock.js'
import { openLoader, type Loader } from '../../src/consumers/warehouse-loader.js'
import { EngineError, isEngineError } from '../../src/errors.js'
import type { Warehouse } from '../../src/sinks/warehouse.js'

const piece = { rows: 1, bytes: 10, data: 'x', onStored: () => assert.fail('nothing is stored') }
const unmoved = new AbortController().signal

/** A loader whose warehouse answers with what `insert` throws. */
function loaderOver(insert: () => Error, stopping: AbortSignal): Loader<string> {
  const warehouse: Warehouse = { insert: () => Promise.reject(insert()), query: () => Promise.resolve([]), run: () => Promise.resolve(), close: () => Promise.resolve() }
  return openLoader<string>({ table: 'events', encode: () => Buffer.alloc(1), warehouse, clock: systemClock, stopping, onAnswered: () => assert.fail('nothing is stored'), onRetry: () => undefined })
}

test('an insert that a stop gives up, while the warehouse is away, fails nobody, though no partition has heard of the stop yet', async () => {
  const stopping = new AbortController()
  const loader = loaderOver(() => {
    stopping.abort()
    return new EngineError('WAREHOUSE_DOWN', 'away')
  }, stopping.signal)
  assert.equal(await loader.store(piece, unmoved), false)
  await loader.close()
})

test('rows that the warehouse refuses fail, at a stop too', async () => {
  const loader = loaderOver(() => new EngineError('BAD_REQUEST', 'no such column'), AbortSignal.abort())
  await assert.rejects(loader.store(piece, unmoved), (error) => isEngineError(error, 'BAD_REQUEST'))
  await loader.close()
})
