import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEngineError } from '../../src/base/errors.js'
import { migrate } from '../../src/sinks/migrate.js'
import { answer, select } from '../../src/sinks/read-only.js'
import type { OpenWarehouse } from '../../src/sinks/warehouse.js'
import { everyWarehouse } from './clickhouse/clickhouse.js'

const refused = (why: RegExp): unknown =>
  expect.toSatisfy(
    (error: unknown) => isEngineError(error, 'BAD_REQUEST') && why.test(error.message),
    `is a BAD_REQUEST with the message ${String(why)}`,
  )

describe.each(everyWarehouse)('%s', (_, openWarehouse) => {
  let warehouse: OpenWarehouse
  let remove: () => Promise<void>

  beforeAll(async () => {
    ;({ warehouse, remove } = await openWarehouse())
    await migrate(warehouse)
    await warehouse.run(
      "INSERT INTO outcomes (tenant, stream, event_id, label, record_time) SELECT 'acme', 'sync', " +
        'toString(number), number % 2, now() FROM numbers(5)',
    )
  })
  afterAll(() => remove())

  test.each([
    [
      'SELECT label, count() AS n FROM outcomes GROUP BY label ORDER BY label',
      [
        { label: 0, n: '3' },
        { label: 1, n: '2' },
      ],
    ],
    [
      'WITH odd AS (SELECT event_id FROM outcomes WHERE label = 1) SELECT event_id FROM odd WHERE event_id ' +
        "IN ('1', '9') -- a comment; and more",
      [{ event_id: '1' }],
    ],
    ['SELECT number FROM numbers(9) ORDER BY number DESC LIMIT 2;', [{ number: '8' }, { number: '7' }]],
    [
      "SELECT event_id FROM outcomes WHERE event_id IN (SELECT '3') OR note = '; DROP TABLE outcomes'",
      [{ event_id: '3' }],
    ],
    ["SELECT name FROM system.tables WHERE database = currentDatabase() AND name = 'progress'", [{ name: 'progress' }]],
    ['FROM outcomes AS o JOIN outcomes_latest AS l ON o.event_id = l.event_id SELECT count() AS n', [{ n: '5' }]],
  ])('answers %s', async (sql, rows) => {
    const found = await select(warehouse, sql, 100)
    assert.deepEqual(found, { rows, more: false })
  })

  test('integers and decimals keep every digit, also within arrays and maps', async () => {
    const digits = '18446744073709551615'
    const { rows } = await select(
      warehouse,
      `SELECT toUInt64('${digits}') AS u64, toInt64('-9223372036854775807') AS i64,
         toUInt128('340282366920938463463374607431768211455') AS u128,
         toInt256('-170141183460469231731687303715884105728')
           AS i256, [u64] AS list, map('a', u64) AS named, (1, u64) AS pair,
         toDecimal64('12345678901234.5678', 4) AS money,
         toUInt32(7) AS small, 0.5 AS half, NULL AS nothing`,
      10,
    )
    assert.deepEqual(rows, [
      {
        u64: digits,
        i64: '-9223372036854775807',
        u128: '340282366920938463463374607431768211455',
        i256: '-170141183460469231731687303715884105728',
        list: [digits],
        named: { a: digits },
        pair: [1, digits],
        money: '12345678901234.5678',
        small: 7,
        half: 0.5,
        nothing: null,
      },
    ])
  })

  test('the case uint64 of the shared folder keeps its digits, and so does the column ver', async ({ skip }) => {
    const file = fileURLToPath(new URL('../../../shared/cases/uint64/query.sql', import.meta.url))
    if (!existsSync(file)) {
      process.stderr.write('NOT RUN: the case uint64, because ../shared/cases is missing\n')
      return skip()
    }
    const ver = '9223372036854775806'
    await warehouse.run(`INSERT INTO predictions (event_id, ver) SELECT 'digits', ${ver}`)
    const answers: unknown[] = []
    for (const sql of readFileSync(file, 'utf8').split(';'))
      if (sql.trim() !== '') answers.push((await select(warehouse, sql, 10)).rows)
    assert.deepEqual(answers, [[{ ver, event_id: 'digits' }], [{ v: '18446744073709551615' }]])
  })

  test.each([
    ['SHOW TABLES', 'predictions'],
    ["SHOW TABLES LIKE 'pred%'", 'predictions_final'],
    ['show views', 'outcomes_latest'],
    ['DESCRIBE TABLE outcomes', 'decided_by'],
    ['desc `predictions_final`;', 'score'],
    ['SHOW COLUMNS FROM outcomes', 'label'],
    ['SHOW CREATE TABLE outcomes', 'ReplacingMergeTree'],
    ['EXISTS outcomes', '"result":1'],
    ['EXISTS TABLE nowhere', '"result":0'],
    ['EXPLAIN SELECT label FROM outcomes', 'ReadFrom'],
    ['EXPLAIN PIPELINE SELECT count() FROM outcomes', 'ReadFrom'],
  ])('answers %s', async (sql, word) => {
    const { rows } = await select(warehouse, sql, 100)
    expect(JSON.stringify(rows)).toContain(word)
  })

  test('a DESCRIBE takes a name as a literal, and shows no other database', async () => {
    expect((await select(warehouse, "SHOW TABLES LIKE '%users%'", 9)).rows).toEqual([])
    expect((await select(warehouse, 'DESCRIBE `users`', 9)).rows).toEqual([])
    for (const sql of ["SHOW TABLES LIKE '\\' OR 1 = 1 --'", 'DESCRIBE system.users', 'SHOW DATABASES', 'SHOW GRANTS'])
      await expect(select(warehouse, sql, 9)).rejects.toEqual(refused(/./))
    await expect(select(warehouse, "EXPLAIN SELECT * FROM file('/etc/hostname', 'LineAsString')", 9)).rejects.toEqual(
      refused(/table function file reads outside/),
    )
  })

  test('answers as CSV, TSV, lines of JSON and Parquet, whole or not at all', async () => {
    const sql = 'SELECT event_id, label FROM outcomes ORDER BY event_id LIMIT 2'
    expect(String(await answer(warehouse, sql, 9, 'CSV'))).toBe('"event_id","label"\n"0",0\n"1",1\n')
    expect(String(await answer(warehouse, sql, 9, 'TSV'))).toBe('event_id\tlabel\n0\t0\n1\t1\n')
    expect(String(await answer(warehouse, sql, 9, 'JSONEachRow'))).toBe(
      '{"event_id":"0","label":0}\n{"event_id":"1","label":1}\n',
    )
    const parquet = await answer(warehouse, sql, 9, 'Parquet')
    expect([parquet.toString('latin1', 0, 4), parquet.toString('latin1', parquet.length - 4)]).toEqual(['PAR1', 'PAR1'])
    expect(String(await answer(warehouse, 'DESCRIBE outcomes', 99, 'CSV'))).toContain('"label","UInt8"')
    await expect(answer(warehouse, 'SELECT event_id FROM outcomes', 2, 'CSV')).rejects.toEqual(
      refused(/more rows than are allowed/),
    )
    await expect(answer(warehouse, 'DROP TABLE outcomes', 9, 'CSV')).rejects.toEqual(refused(/./))
  })

  test.each([
    ['SELECT 1 +', 'line 1, column 11: syntax error'],
    ['  SELECT\n  1 FORM x', "line 2, column 10: syntax error at 'x'"],
    ["SELECT 'ü', 'abc", 'line 1, column 13: a quoted text is not closed'],
    ['SELECT count( FROM outcomes', 'line 1, column 13: syntax error'],
    ['EXPLAIN PLAN\nSELECT 1 +', 'line 2, column 11: syntax error'],
    ['SELECT label,\n  scor FROM outcomes', 'line 2, column 3: Unknown expression identifier `scor`'],
    ['SELECT  foo(label) FROM outcomes', 'line 1, column 9: Function with name `foo` does not exist'],
    ['SELECT 1 FROM nowhere', "line 1, column 15: Unknown table expression identifier 'nowhere'"],
  ])('the error of %j says where: %s', async (sql, words) => {
    await expect(select(warehouse, sql, 9)).rejects.toThrow(words)
  })

  test('returns at most the wanted number of rows, in order, and reports that there are more', async () => {
    const { rows, more } = await select(warehouse, 'SELECT event_id FROM outcomes ORDER BY event_id DESC', 2)
    assert.deepEqual([rows, more], [[{ event_id: '4' }, { event_id: '3' }], true])
  })

  test.each([
    ['DROP TABLE outcomes', /./],
    ['SELECT 1; DROP TABLE outcomes', /./],
    ['SELECT 1) ; DROP TABLE outcomes; SELECT (1', /./],
    ["INSERT INTO outcomes (tenant) VALUES ('x')", /./],
    ["SELECT * FROM outcomes INTO OUTFILE '/tmp/never'", /./],
    ['SELECT 1 FORMAT CSV', /./],
    ['', /./],
    ['SELECT 1 SETTINGS max_execution_time = 0', /SETTINGS are not allowed/],
    ['SELECT (SELECT sleep(0) SETTINGS max_threads = 99)', /SETTINGS are not allowed/],
    ["SELECT file('/etc/hostname')", /function file reads outside/],
    ["SELECT arrayMap(x -> FILE(x), ['/etc/hostname'])", /./],
    ["SELECT * FROM file('/etc/hostname', 'LineAsString')", /table function file reads outside/],
    ["SELECT 1 WHERE 1 IN (SELECT count() FROM url('http://127.0.0.1:1/', 'CSV'))", /table function url reads outside/],
    ["SELECT * FROM merge('system', '.*')", /table function merge reads outside/],
    ["SELECT * FROM view(SELECT * FROM remote('127.0.0.1', system.one))", /table function remote reads outside/],
    ['SELECT * FROM system.users', /system\.users is not a table of the warehouse/],
    ['SELECT * FROM information_schema.tables', /information_schema\.tables is not a table/],
    ["SELECT 1 WHERE 'x' IN system.users", /system\.users is not a table/],
    ["SELECT dictGet('d', 'x', 1)", /function dictGet reads outside/],
    ['SELECT nothing FROM outcomes', /nothing/],
    ['SELECT * FROM nowhere', /nowhere/],
  ])('refuses %s', async (sql, why) => {
    await expect(select(warehouse, sql, 10)).rejects.toEqual(refused(why))
    assert.equal((await warehouse.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM outcomes'))[0]!.n, 5)
  })

  test('a query that takes too much is BAD_REQUEST, and the next one succeeds', async () => {
    await expect(select(warehouse, 'SELECT groupArray(number) AS all FROM numbers(20000000)', 10)).rejects.toEqual(
      refused(/too much memory/),
    )
    assert.deepEqual((await select(warehouse, 'SELECT 1 AS one', 10)).rows, [{ one: 1 }])
  })

  test('the bounds of a query do not remain in force: inserts work as before', async () => {
    await select(warehouse, 'SELECT 1', 1)
    await warehouse.run("INSERT INTO progress (table_name, topic, partition, next) SELECT 'outcomes', 'later', 0, 1")
    assert.equal((await warehouse.query("SELECT event_id FROM outcomes WHERE tenant = 'acme'")).length, 5)
  })
})
