import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clickhouse, type Front, type FrontOptions } from '../../scripts/services/clickhouse.js'
import type { Running } from '../../scripts/services/service.js'

/** A front in a directory of its own, with a password. */
export async function startFront(options: Partial<FrontOptions> = {}): Promise<Running & Front & { readonly directory: string; remove(): Promise<void> }> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'tidemill-front-')))
  const front = await clickhouse.start({ directory, ...login, ...options })
  return {
    ...front,
    directory,
    remove: async () => {
      await front.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export const login = { user: 'tidemill', password: 'hush-hush' } as const
