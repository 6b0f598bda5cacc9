import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openChdbWarehouse } from '../../../src/sinks/chdb/warehouse.js'
import { migrate } from '../../../src/sinks/migrate.js'
import { openTemporaryWarehouse } from './chdb.js'
import { marks, refusedWith, warehouseContract } from '../warehouse.contract.js'

warehouseContract('chDB in this process', async () => {
  const { directory, warehouse, remove } = await openTemporaryWarehouse()
  return { warehouse, remove, reopen: () => openChdbWarehouse({ directory }) }
})

test('no batch file remains after a success or a failure', async () => {
  const { warehouse, directory, remove } = await openTemporaryWarehouse()
  await migrate(warehouse)
  await warehouse.insert('progress', marks('left', 1))
  await assert.rejects(warehouse.insert('progress', Buffer.from('not native')))
  assert.deepEqual(await readdir(join(directory, 'incoming')), [])
  await remove()
})

test('a second warehouse in the process is refused, not mixed with the first', async () => {
  const { directory, remove } = await openTemporaryWarehouse()
  await expect(openChdbWarehouse({ directory: join(directory, 'second') })).rejects.toSatisfy(refusedWith('LOCKED'))
  await remove()
})
