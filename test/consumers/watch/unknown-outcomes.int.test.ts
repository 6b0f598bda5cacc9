import { strict as assert } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import { watchUnknownOutcomes } from '../../../src/consumers/watch/unknown-outcomes.js'
import { openChdbWarehouse } from '../../../src/sinks/chdb/warehouse.js'
import { migrate } from '../../../src/sinks/migrate.js'

const hour = 60 * 60 * 1_000

test('outcomes of events that nobody knows are kept and counted, and the check says so', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-outcomes-'))
  const warehouse = await openChdbWarehouse({ directory })
  onTestFinished(async () => {
    await warehouse.close()
    await rm(directory, { recursive: true })
  })
  await migrate(warehouse)
  const time = { nowMs: 0 }
  const check = watchUnknownOutcomes(warehouse, { nowMs: () => time.nowMs, sleep: async () => undefined })
  assert.match((await check()).detail, /every outcome of the last day has a prediction/)

  await warehouse.run(
    `INSERT INTO predictions (tenant, stream, event_id, role, kind)
     SELECT 'acme', 'sync', 'known', 'served', 'prediction'`,
  )
  for (const [tenant, event, written] of [
    ['acme', 'known', 'now() - INTERVAL 1 HOUR'],
    ['globex', 'known', 'now() - INTERVAL 1 HOUR'],
    ['acme', 'misspelt', 'now() - INTERVAL 1 HOUR'],
    ['acme', 'of this minute', 'now()'],
    ['acme', 'of last week', 'now() - INTERVAL 8 DAY'],
  ])
    await warehouse.run(
      `INSERT INTO outcomes (tenant, stream, event_id, label, written_at)
       SELECT '${tenant}', 'sync', '${event}', 1, ${written}`,
    )
  assert.deepEqual(await warehouse.query('SELECT tenant, event_id FROM outcomes_unknown ORDER BY tenant, event_id'), [
    { tenant: 'acme', event_id: 'misspelt' },
    { tenant: 'acme', event_id: 'of last week' },
    { tenant: 'acme', event_id: 'of this minute' },
    { tenant: 'globex', event_id: 'known' },
  ])
  assert.match((await check()).detail, /every outcome/, 'the answer is asked for again after minutes only')
  time.nowMs += hour
  const { ok, detail } = await check()
  assert.equal(ok, true)
  assert.match(detail, /^2 outcomes of the last day name events without a prediction/)

  await warehouse.run('RENAME TABLE outcomes TO outcomes_away')
  time.nowMs += hour
  assert.deepEqual(await check(), {
    check: 'outcomes',
    ok: true,
    detail: 'not known while the warehouse does not answer',
  })
})
