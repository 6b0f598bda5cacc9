import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { clickhouse, type Front } from '../../../scripts/services/clickhouse.js'
import type { Fault } from '../../../scripts/services/clickhouse-front.js'
import type { Running } from '../../../scripts/services/start-process.js'
import { storeChecks } from '../../../src/cli/doctor/store-checks.js'
import { systemClock } from '../../../src/base/clock.js'
import { dataPaths, loadConfig } from '../../../src/config/load.js'
import { retrying } from '../../../src/consumers/ground/retry.js'
import { isEngineError, messageOf, type ErrorCode } from '../../../src/base/errors.js'
import { storesIn } from '../../../src/compose/tasks.js'
import { openClickhouseWarehouse, type ClickhouseOptions } from '../../../src/sinks/clickhouse/warehouse.js'
import { migrate } from '../../../src/sinks/migrate.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'
import { login, openServed, startFront } from './clickhouse.js'
import { marks, marksOf, refusedWith, warehouseContract } from '../warehouse.contract.js'

let front: Running & Front & { readonly directory: string; remove(): Promise<void> }
let warehouse: Warehouse
const open = (change: Partial<ClickhouseOptions> = {}) =>
  openClickhouseWarehouse({
    url: front.url,
    username: login.user,
    password: login.password,
    database: 'faults',
    ...change,
  })

beforeAll(async () => {
  front = await startFront()
  warehouse = await open()
  await migrate(warehouse)
  // Merges are off, so that duplicates can be counted.
  await warehouse.run('SYSTEM STOP MERGES progress')
})
afterAll(async () => {
  await warehouse.close()
  await front.remove()
})
beforeEach(() => front.heal())

warehouseContract('a ClickHouse server', openServed)

/** Retries like the consumers, without their pauses. */
const stubbornly = <T>(attempt: () => Promise<T>, onRetry: (error: unknown) => void = () => undefined): Promise<T> =>
  retrying(attempt, {
    clock: { ...systemClock, sleep: () => systemClock.sleep(2) },
    signal: AbortSignal.timeout(30_000),
    onRetry,
  })

const rawRows = async (topic: string): Promise<number> =>
  (
    await warehouse.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM progress WHERE topic = {topic: String}', {
      topic,
    })
  )[0]!.n

const cuts: Readonly<Record<string, { readonly fault: Fault; readonly stored: boolean }>> = {
  'refused by a proxy': { fault: { kind: 'refuse' }, stored: false },
  'cut off before it ran': { fault: { kind: 'cut-before' }, stored: false },
  'cut off after it ran': { fault: { kind: 'cut-after' }, stored: true },
  'cut off in the middle of the answer': { fault: { kind: 'cut-within' }, stored: true },
}
for (const [what, { fault, stored }] of Object.entries(cuts))
  test(`an insert that was ${what} is repeated, and every row counts once`, async () => {
    const failures: unknown[] = []
    const topic = `cut-${what.replaceAll(' ', '-')}`
    await front.sicken({ ...fault, matching: '^INSERT', times: 1 })
    await stubbornly(
      () => warehouse.insert('progress', marks(topic, 40)),
      (error) => failures.push(error),
    )
    assert.equal(failures.length, 1)
    assert.equal(isEngineError(failures[0], 'WAREHOUSE_DOWN'), true)
    assert.equal(await rawRows(topic), stored ? 80 : 40)
    assert.equal(await marksOf(warehouse, topic), 40)
  })

test('an insert waits until the server can be reached again', async () => {
  await front.sicken({ kind: 'unreachable' })
  let failures = 0
  await stubbornly(
    () => warehouse.insert('progress', marks('unreachable', 5)),
    (error) => {
      assert.match(messageOf(error), /insert into progress at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/)
      if (++failures === 3) void front.heal()
    },
  )
  assert.equal(await marksOf(warehouse, 'unreachable'), 5)
})

test('a server that was killed and restarted has every row that it acknowledged', async () => {
  const mortal = await startFront()
  const opened = await open({ url: mortal.url })
  await migrate(opened)
  await opened.insert('progress', marks('survives', 9))
  await mortal.stop('SIGKILL')
  await expect(opened.query('SELECT 1')).rejects.toSatisfy(refusedWith('WAREHOUSE_DOWN'))
  const again = await startFront({ directory: mortal.directory, ports: mortal.ports })
  assert.equal(await marksOf(opened, 'survives'), 9)
  await opened.close()
  await again.remove()
})

const exceptions: readonly (readonly [code: number, type: string, expected: ErrorCode])[] = [
  [252, 'TOO_MANY_PARTS', 'WAREHOUSE_REFUSED'],
  [241, 'MEMORY_LIMIT_EXCEEDED', 'WAREHOUSE_REFUSED'],
  [242, 'TABLE_IS_READ_ONLY', 'WAREHOUSE_REFUSED'],
  [164, 'READONLY', 'WAREHOUSE_REFUSED'],
  [999, 'KEEPER_EXCEPTION', 'WAREHOUSE_DOWN'],
  [319, 'UNKNOWN_STATUS_OF_INSERT', 'WAREHOUSE_DOWN'],
  [243, 'NOT_ENOUGH_SPACE', 'WAREHOUSE_REFUSED'],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES', 'WAREHOUSE_REFUSED'],
  [201, 'QUOTA_EXCEEDED', 'WAREHOUSE_REFUSED'],
  [60, 'UNKNOWN_TABLE', 'WAREHOUSE_REFUSED'],
  [210, 'NETWORK_ERROR', 'WAREHOUSE_DOWN'],
  [516, 'AUTHENTICATION_FAILED', 'WAREHOUSE_DOWN'],
  [53, 'TYPE_MISMATCH', 'ROWS_REFUSED'],
  [117, 'INCORRECT_DATA', 'ROWS_REFUSED'],
  [131, 'TOO_LARGE_STRING_SIZE', 'ROWS_REFUSED'],
]
for (const [code, type, expected] of exceptions)
  test(`an insert that ends with ${type} is ${expected}`, async () => {
    await front.sicken({ kind: 'exception', code, type, matching: '^INSERT', times: 1 })
    await expect(warehouse.insert('progress', marks('never', 1))).rejects.toSatisfy(
      (error: unknown) => isEngineError(error, expected) && error.message.includes(type),
    )
  })

for (const kind of ['slow', 'stall-within'] as const)
  test(`every call times out when the server is ${kind}`, async () => {
    await front.sicken({ kind, delayMs: 60_000 })
    const hasty = { insert: 150, query: 150, statement: 150 }
    await expect(open({ timeoutsMs: hasty })).rejects.toSatisfy(refusedWith('WAREHOUSE_DOWN'))
    await front.heal()
    // On a busy machine even a healthy server may exceed this timeout.
    const impatient = await vi.waitFor(() => open({ timeoutsMs: hasty }), { timeout: 60_000 })
    await front.sicken({ kind, delayMs: 60_000 })
    const late = (error: unknown): boolean =>
      isEngineError(error, 'WAREHOUSE_DOWN') && error.message.includes('no complete answer within 150 ms')
    await expect(impatient.insert('progress', marks('late', 1))).rejects.toSatisfy(late)
    await expect(impatient.query('SELECT number FROM numbers(1000)')).rejects.toSatisfy(late)
    await expect(impatient.run('SELECT 1')).rejects.toSatisfy(late)
    await impatient.close()
  })

test('an acknowledged insert is in the table: never queued, never dropped as a repeat of an earlier one', async () => {
  await warehouse.insert('progress', marks('plain', 1))
  const { sql, settings } = (await front.asked()).find((one) => one.sql.startsWith('INSERT'))!
  assert.match(sql, /^INSERT INTO progress \(table_name, .*\) FORMAT Native$/)
  expect(settings).toMatchObject({ async_insert: '0', insert_deduplicate: '0', wait_end_of_query: '1' })
})

test('opening fails until the server is reachable, and then succeeds', async () => {
  const later = await startFront()
  await later.stop()
  let tries = 0
  const opening = stubbornly(
    () => open({ url: later.url }),
    () => tries++,
  )
  while (tries < 3) await systemClock.sleep(2)
  const again = await startFront({ directory: later.directory, ports: later.ports })
  const opened = await opening
  assert.deepEqual(await opened.query('SELECT currentDatabase() AS name'), [{ name: 'faults' }])
  await opened.close()
  await again.remove()
})

/** The message that `open` rejects with; it must contain neither password nor key. */
async function refusal(change: Partial<ClickhouseOptions>): Promise<string> {
  const error: unknown = await open(change).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.equal(isEngineError(error, 'BAD_CONFIG'), true, messageOf(error))
  assert.doesNotMatch(
    JSON.stringify([messageOf(error), error, (error as Error).cause ?? null, (error as Error).stack]),
    /hush|wrong-word/,
  )
  return messageOf(error)
}

test('a permanent mistake is reported at once, without secrets', async () => {
  assert.match(
    await refusal({ password: 'wrong-word' }),
    /user tidemill, database faults at http:\/\/127\.0\.0\.1.*AUTHENTICATION_FAILED.*password/,
  )
  assert.match(await refusal({ username: 'nobody' }), /user nobody.*check user name and password/)
  assert.match(await refusal({ url: 'clickhouse:8123' }), /http:\/\/localhost:8123/)
  assert.match(
    await refusal({ url: 'http://tidemill:wrong-word@clickhouse:8123' }),
    /http:\/\/clickhouse:8123 contains credentials/,
  )
  assert.match(
    await refusal({ url: 'http://clickhouse:8123/?password=wrong-word' }),
    /contains credentials or parameters/,
  )
})

test('an absent database is created; the error asks for it when the user may not', async () => {
  const created = await open({ database: 'new`one' })
  assert.deepEqual(await created.query('SELECT currentDatabase() AS name'), [{ name: 'new`one' }])
  await created.close()
  await front.sicken({ kind: 'exception', code: 497, type: 'ACCESS_DENIED', matching: '^CREATE DATABASE' })
  assert.match(await refusal({ database: 'forbidden' }), /database forbidden.*create the database, or grant/)
})

test('the doctor reads a warehouse on a server', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-doctor-'))
  await mkdir(dataPaths(directory).log)
  const stores = {
    ...storesIn(loadConfig({ variables: {}, flags: { dataDirectory: directory } })),
    openWarehouse: () => open(),
  }
  const checks = await storeChecks(
    loadConfig({ variables: {}, flags: { dataDirectory: directory } }),
    stores,
    new AbortController().signal,
  )
  assert.match(checks.find(({ name }) => name === 'warehouse')!.detail, /^\d+ tables, 0 rows of predictions$/)
  await rm(directory, { recursive: true })
})

test('this machine has everything that the tests of the server need', () =>
  assert.equal(clickhouse.missing(), undefined))
