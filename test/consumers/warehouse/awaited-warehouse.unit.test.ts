import { strict as assert } from 'node:assert'
import { test } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { awaitWarehouse } from '../../../src/consumers/warehouse/awaited-warehouse.js'
import { EngineError, isEngineError } from '../../../src/base/errors.js'
import type { OpenWarehouse, Warehouse } from '../../../src/sinks/warehouse.js'

/** A sleep ends when the test calls `wake`, or when its signal aborts. */
function manual(): Clock & { readonly wake: () => void } {
  const sleeping = new Set<() => void>()
  return {
    nowMs: () => 0,
    sleep: (_ms, signal) =>
      new Promise((resolve) => {
        sleeping.add(resolve)
        signal?.addEventListener('abort', () => resolve())
      }),
    wake() {
      for (const resolve of [...sleeping]) resolve()
      sleeping.clear()
    },
  }
}

/** A warehouse that records its calls in order. */
function recorded(): { readonly done: string[]; readonly warehouse: OpenWarehouse } {
  const done: string[] = []
  const warehouse: OpenWarehouse = {
    insert: async (table) => void done.push(`insert ${table}`),
    query: async () => (done.push('query'), []),
    read: async () => (done.push('read'), Buffer.alloc(0)),
    run: async (sql) => void done.push(sql),
    close: async () => void done.push('close'),
  }
  return { done, warehouse }
}

const migration = (warehouse: Warehouse): Promise<void> => warehouse.run('migrate')
const unreachable = new EngineError('WAREHOUSE_DOWN', 'connection refused')
const soon = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

test(
  'a warehouse that is unreachable at the start fails its callers with the reason; once it answers, migrations run ' +
    'before anything else',
  async () => {
    const clock = manual()
    const { done, warehouse } = recorded()
    let up = false
    let tries = 0
    const awaited = await awaitWarehouse({
      open: async () => (tries++, up ? warehouse : Promise.reject(unreachable)),
      prepare: migration,
      clock,
      onRetry: () => undefined,
    })
    for (const call of [
      () => awaited.warehouse.query('SELECT 1'),
      () => awaited.warehouse.insert('events', Buffer.alloc(0)),
      () => awaited.warehouse.run('x'),
    ])
      await assert.rejects(
        call,
        (error) => isEngineError(error, 'WAREHOUSE_DOWN') && /connection refused/.test(error.message),
      )
    clock.wake()
    await soon(() => tries === 2)
    up = true
    await soon(() => (clock.wake(), done.length > 0))
    await awaited.warehouse.insert('events', Buffer.alloc(0))
    await awaited.warehouse.close()
    assert.deepEqual(done, ['migrate', 'insert events', 'close'])
  },
)

test('a warehouse that does not answer delays the start only for a moment, and is used once it answers', async () => {
  const clock = manual()
  const { done, warehouse } = recorded()
  let answer: () => void = () => undefined
  const starting = awaitWarehouse({
    open: () => new Promise((resolve) => (answer = () => resolve(warehouse))),
    prepare: migration,
    clock,
    onRetry: () => undefined,
  })
  clock.wake()
  const awaited = await starting
  await assert.rejects(awaited.warehouse.query('SELECT 1'), (error) => isEngineError(error, 'WAREHOUSE_DOWN'))
  answer()
  await soon(() => done.length > 0)
  await awaited.warehouse.query('SELECT 1')
  assert.deepEqual(done, ['migrate', 'query'])
  await awaited.warehouse.close()
})

test('an error that waiting cannot resolve fails the start, or later the engine', async () => {
  const clock = manual()
  const { done, warehouse } = recorded()
  const mismatch = new EngineError('STATE_MISMATCH', 'written by a newer build')
  await assert.rejects(
    awaitWarehouse({
      open: async () => warehouse,
      prepare: () => Promise.reject(mismatch),
      clock,
      onRetry: () => undefined,
    }),
    mismatch,
  )
  assert.deepEqual(done, ['close'])
  let up = false
  const awaited = await awaitWarehouse({
    open: async () => (up ? warehouse : Promise.reject(unreachable)),
    prepare: () => Promise.reject(mismatch),
    clock,
    onRetry: () => undefined,
  })
  up = true
  const failing = assert.rejects(awaited.failed, mismatch)
  clock.wake()
  await failing
  await awaited.warehouse.close()
})

test('a migration that the warehouse refuses ends nothing: it is tried again', async () => {
  const clock = manual()
  const { done, warehouse } = recorded()
  let tries = 0
  const awaited = await awaitWarehouse({
    open: async () => warehouse,
    prepare: (opened) =>
      tries++ === 0 ? Promise.reject(new EngineError('BAD_REQUEST', 'ACCESS to ALTER is denied')) : migration(opened),
    clock,
    onRetry: () => undefined,
  })
  await assert.rejects(
    awaited.warehouse.query('SELECT 1'),
    (error) => isEngineError(error, 'WAREHOUSE_DOWN') && /refuses its migration: ACCESS to ALTER/.test(error.message),
  )
  await soon(() => (clock.wake(), done.length > 0))
  await awaited.warehouse.query('SELECT 1')
  await awaited.warehouse.close()
  assert.deepEqual(done, ['migrate', 'query', 'close'])
})
