import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createClient, type ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, test } from 'vitest'
import { login, startFront } from './clickhouse.js'

/** Tests the fixture with the official client, so that tests that use it test against ClickHouse's protocol. */
let front: Awaited<ReturnType<typeof startFront>>
const clients: ClickHouseClient[] = []
const connect = (compression = false): ClickHouseClient => {
  const client = createClient({
    url: front.url,
    username: login.user,
    password: login.password,
    log: { level: 127 },
    compression: { request: compression, response: compression },
  })
  clients.push(client)
  return client
}
beforeAll(async () => {
  front = await startFront()
  await connect().command({ query: 'CREATE TABLE people (id UInt32, name String) ENGINE = MergeTree ORDER BY id' })
})
afterAll(async () => {
  for (const client of clients) await client.close()
  await front.remove()
})

for (const compression of [false, true])
  test(`rows are inserted and read ${compression ? 'with' : 'without'} compression, as text and as bytes`, async () => {
    const client = connect(compression)
    await client.command({ query: 'TRUNCATE TABLE people' })
    assert.equal(
      (await client.insert({ table: 'people', values: [{ id: 1, name: "o'neill\n\\" }], format: 'JSONEachRow' }))
        .summary?.written_rows,
      '1',
    )
    await client.insert({ table: 'people', values: [[2, 'zoë']] })
    await client.command({ query: 'INSERT INTO people FORMAT JSONEachRow\n{"id":3,"name":"inline"}' })
    const native = await buffer(
      (await client.exec({ query: 'SELECT * FROM people WHERE id = 2 FORMAT Native' })).stream,
    )
    const back = await client.exec({
      query: 'INSERT INTO people SETTINGS async_insert = 0 FORMAT Native',
      values: Readable.from([native], { objectMode: false }),
    })
    back.stream.resume()
    const rows = await client.query({
      query: 'SELECT id, name FROM people WHERE name != {not: String} ORDER BY id',
      query_params: { not: 'in\tline' },
      format: 'JSONCompactEachRow',
    })
    assert.deepEqual(await rows.json(), [
      [1, "o'neill\n\\"],
      [2, 'zoë'],
      [2, 'zoë'],
      [3, 'inline'],
    ])
  })

test('a ping needs no login, every other call does', async () => {
  assert.equal(await (await fetch(`${front.url}/ping`)).text(), 'Ok.\n')
  const refused = await fetch(`${front.url}/?query=SELECT+1`)
  assert.deepEqual([refused.status, refused.headers.get('x-clickhouse-exception-code')], [403, '516'])
  assert.match(await refused.text(), /^Code: 516\. DB::Exception: .*\(AUTHENTICATION_FAILED\) \(version /)
})

test('an error has its code, its status and its text', async () => {
  const ask = (query: string) =>
    fetch(front.url, {
      method: 'POST',
      body: query,
      headers: { 'X-ClickHouse-User': login.user, 'X-ClickHouse-Key': login.password },
    })
  const answers = await Promise.all(['SELECT * FROM nowhere', 'SELECT 1 1', 'SELECT throwIf(1)'].map(ask))
  assert.deepEqual(
    answers.map(({ status, headers }) => [status, headers.get('x-clickhouse-exception-code')]),
    [
      [404, '60'],
      [400, '62'],
      [500, '395'],
    ],
  )
  assert.equal(await (await ask("SELECT 1, 'a'")).text(), '1\ta\n')
})

test('a setting applies only to its request', async () => {
  const client = connect()
  const threads = async (settings: Record<string, number>): Promise<unknown> =>
    (
      await client.query({
        query: "SELECT getSetting('max_threads') AS n",
        format: 'JSONEachRow',
        clickhouse_settings: settings,
      })
    ).json()
  const [before, changed, after] = [await threads({}), await threads({ max_threads: 17 }), await threads({})]
  assert.deepEqual(changed, [{ n: 17 }])
  assert.deepEqual(after, before)
})
