import { strict as assert } from 'node:assert'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'vitest'
import { systemClock } from '../../../src/base/clock.js'
import { openLoader, type Loader } from '../../../src/consumers/warehouse/loader.js'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import { limits } from '../../../src/base/limits.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'

const piece = { rows: 1, bytes: 10, data: 'x', writtenAtMs: 0, onStored: () => assert.fail('nothing is stored') }
const neverRevoked = new AbortController().signal

/** A loader whose warehouse answers with what `insert` throws. */
function loaderOver(insert: () => Error, stopping: AbortSignal): Loader<string> {
  const warehouse: Warehouse = {
    insert: () => Promise.reject(insert()),
    query: () => Promise.resolve([]),
    run: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  return openLoader<string>({
    table: 'events',
    encode: () => Buffer.alloc(1),
    warehouse,
    clock: systemClock,
    stopping,
    onAnswered: () => assert.fail('nothing is stored'),
    onRetry: () => undefined,
  })
}

test(
  'an insert that a stop ends while the warehouse is unreachable is no failure, also for partitions that are not ' +
    'revoked yet',
  async () => {
    const stopping = new AbortController()
    const loader = loaderOver(() => {
      stopping.abort()
      return new EngineError('WAREHOUSE_DOWN', 'unreachable')
    }, stopping.signal)
    assert.equal(await loader.store(piece, neverRevoked), false)
    await loader.close()
  },
)

test('rows that the warehouse refuses fail, also during a stop', async () => {
  const loader = loaderOver(() => new EngineError('WAREHOUSE_REFUSED', 'no such column'), AbortSignal.abort())
  await assert.rejects(loader.store(piece, neverRevoked), (error) => isEngineError(error, 'WAREHOUSE_REFUSED'))
  await loader.close()
})

test('while the warehouse is unreachable, rows of revoked partitions are not kept', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const stopping = new AbortController()
  let tried = 0
  const warehouse: Warehouse = {
    insert: () => (tried++, Promise.reject(new EngineError('WAREHOUSE_DOWN', 'unreachable'))),
    query: () => Promise.resolve([]),
    run: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const loader = openLoader<object>({
    table: 'events',
    encode: () => Buffer.alloc(1),
    warehouse,
    clock: systemClock,
    stopping: stopping.signal,
    onAnswered: () => assert.fail('nothing is stored'),
    onRetry: () => undefined,
  })
  const first = loader.store({ ...piece, data: {} }, neverRevoked)
  while (tried === 0) await new Promise((resolve) => setImmediate(resolve))
  const kept: WeakRef<object>[] = []
  /** Enough rows for an insert of their own. It waits behind the first one until their partition is revoked. */
  async function storeRevoked(): Promise<void> {
    const revoked = new AbortController()
    const data = {}
    kept.push(new WeakRef(data))
    const stored = loader.store({ ...piece, rows: limits.insertRows, data }, revoked.signal)
    revoked.abort()
    assert.equal(await stored, false)
  }
  for (let turn = 0; turn < 20; turn++) await storeRevoked()
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  assert.equal(kept.filter((one) => one.deref() !== undefined).length, 0)
  stopping.abort()
  assert.equal(await first, false)
  await loader.close()
})
