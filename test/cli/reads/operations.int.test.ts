import { strict as assert } from 'node:assert'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'vitest'
import { packagePath } from '../../../src/config/load.js'
import { openChdbWarehouse } from '../../../src/sinks/chdb/warehouse.js'
import { migrate } from '../../../src/sinks/migrate.js'
import { select } from '../../../src/sinks/read-only.js'
import { tidemill } from '../harness.js'

const page = readFileSync(packagePath('docs/operations.md'), 'utf8')

test('every query of the runbook runs on the tables', async () => {
  const queries = [...page.matchAll(/```sql\n([\s\S]*?)```/g)].map((match) => match[1]!)
  assert.ok(queries.length >= 6)
  const warehouse = await openChdbWarehouse({ directory: mkdtempSync(join(tmpdir(), 'tidemill-runbook-')) })
  try {
    await migrate(warehouse)
    for (const query of queries) assert.ok(Array.isArray((await select(warehouse, query, 100)).rows), query)
    // While nothing is known, and while only one kind of outcome is, accuracy is unknown and not 0.
    const accuracy = async () => {
      const [row] = (
        await select(
          warehouse,
          queries.find((query) => query.includes('AS accuracy'))!,
          10,
        )
      ).rows
      return [row!['found'], row!['not_found'], row!['accuracy'], row!['false_alarm_share']]
    }
    await warehouse.run(
      `INSERT INTO predictions (tenant, stream, offset, event_id, role, kind, event_time, score, risk)
       SELECT 'acme', 'sync', number, toString(number), 'served', 'prediction', now(), 0.1, 'low' FROM numbers(2)`,
    )
    assert.deepEqual(await accuracy(), ['0', '0', null, null])
    const outcome = (id: number, label: number) =>
      warehouse.run(`INSERT INTO outcomes (tenant, stream, event_id, label) SELECT 'acme', 'sync', '${id}', ${label}`)
    await outcome(0, 1)
    assert.deepEqual(await accuracy(), ['1', '0', null, null])
    await outcome(1, 0)
    assert.deepEqual(await accuracy(), ['1', '1', 0.5, null])
  } finally {
    await warehouse.close()
  }
})

test('every command of the runbook exists with its options', async () => {
  const commands = new Set(
    [...page.matchAll(/tidemill ((?:[a-z]+ ?){1,2})/g)]
      .map((match) => match[1]!.trim().split(' '))
      .filter(([name]) => name !== 'start'),
  )
  assert.ok(commands.size >= 5)
  for (const words of commands) {
    const help = await tidemill([...words, '--help'])
    assert.equal(help.exit, 0, words.join(' '))
    assert.doesNotMatch(help.data, /^Usage: tidemill \[options\] \[command\]/, words.join(' '))
  }
})

test('every metric of the runbook exists', () => {
  // Made from the registry, and compared with it by a test of its own.
  const known = readFileSync(packagePath('docs/reference/metrics.md'), 'utf8')
  for (const [name] of page.matchAll(/tidemill_[a-z_]+/g)) assert.ok(known.includes(`\`${name}\``), name)
})
