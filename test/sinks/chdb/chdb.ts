import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChdbWarehouse } from '../../../src/sinks/chdb/warehouse.js'
import type { OpenWarehouse } from '../../../src/sinks/warehouse.js'

/** A warehouse in a directory of its own. A process can have only one open, so a test file opens one at a time. */
export async function openTemporaryWarehouse(): Promise<{
  readonly warehouse: OpenWarehouse
  readonly directory: string
  readonly remove: () => Promise<void>
}> {
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-warehouse-'))
  const warehouse = await openChdbWarehouse({ directory })
  return {
    warehouse,
    directory,
    remove: async () => {
      await warehouse.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
