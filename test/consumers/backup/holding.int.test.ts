import { strict as assert } from 'node:assert'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test } from 'vitest'
import type { Clock } from '../../../src/base/clock.js'
import { openBackups } from '../../../src/consumers/backup/holding.js'
import { isEngineError } from '../../../src/base/errors.js'
import { limits } from '../../../src/base/limits.js'
import type { PartitionFiles } from '../../../src/contracts/backups.js'
import { openChdbWarehouse } from '../../../src/sinks/chdb/warehouse.js'
import { migrate } from '../../../src/sinks/migrate.js'
import type { Warehouse } from '../../../src/sinks/warehouse.js'

const none: readonly PartitionFiles[] = []

/** A holder over a real warehouse, and the backups that it asked of it. */
async function harness(files: () => readonly PartitionFiles[]) {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-holding-'))
  const warehouse = await openChdbWarehouse({ directory })
  await migrate(warehouse)
  let nowMs = 1_767_686_400_000
  const clock: Clock = { nowMs: () => nowMs, sleep: () => new Promise((resolve) => setTimeout(resolve, 1)) }
  const statements: string[] = []
  const watched: Warehouse = {
    ...warehouse,
    query: (sql, params) => {
      if (sql.startsWith('BACKUP')) statements.push(sql)
      return warehouse.query(sql, params)
    },
  }
  const backups = openBackups({
    directory,
    backups: join(directory, 'backups'),
    warehouse: watched,
    log: { files },
    clock,
  })
  onTestFinished(async () => {
    await backups.close()
    await warehouse.close()
    await rm(directory, { recursive: true, force: true })
  })
  const ready = async (id: string): Promise<string> => {
    for (;;) {
      const standing = backups.progress(id)
      assert.ok(standing !== undefined && standing.state !== 'failed', JSON.stringify(standing))
      if (standing.state === 'ready') return standing.parts.warehouse
      await clock.sleep(1)
    }
  }
  return { backups, ready, statements, pass: (ms: number) => (nowMs += ms) }
}

test('the log is inspected after the warehouse was written, the tables after their progress was', async () => {
  const seen: string[] = []
  const { backups, ready, statements } = await harness(() => {
    seen.push(...statements)
    return none
  })
  await ready(await backups.begin())
  assert.deepEqual(
    seen.map((sql) => sql.split(' ').slice(0, 3).join(' ')),
    ['BACKUP TABLE progress', 'BACKUP DATABASE default'],
  )
})

test('one backup is held at a time, for as long as a caller asks for it', async () => {
  const { backups, ready, pass } = await harness(() => none)
  const first = await backups.begin()
  const folder = await ready(first)
  await assert.rejects(backups.begin(), (error) => isEngineError(error, 'LOCKED'))
  pass(limits.backupLeaseMs - 1)
  assert.equal(backups.progress(first)?.state, 'ready')
  pass(limits.backupLeaseMs - 1)
  await assert.rejects(backups.begin(), (error) => isEngineError(error, 'LOCKED'))
  pass(1)
  const second = await backups.begin()
  assert.equal(backups.progress(first), undefined)
  assert.ok(!existsSync(folder))
  await ready(second)
  assert.equal(await backups.end(second), true)
  assert.equal(await backups.end(second), false)
})
