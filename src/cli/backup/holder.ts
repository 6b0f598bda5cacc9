import { openKeys } from '../../api/keys/key-file.js'
import type { HeldParts, HoldProgress } from '../../contracts/backups.js'
import { everyTenant } from '../../contracts/callers.js'
import { systemClock } from '../../base/clock.js'
import { dataPaths } from '../../config/load.js'
import type { OnBytes } from '../../consumers/backup/files.js'
import type { StoreHolder } from '../../consumers/backup/gather-data.js'
import { limits } from '../../base/limits.js'
import { clientOf, failure, type Client } from '../client/client.js'
import { CommandFailed, exits } from '../terminal/exit.js'

/** Interval of the calls that keep the engine's part while it is copied. */
const hereEveryMs = limits.backupLeaseMs / 10

interface Asked {
  readonly client: Client
  readonly id: string
  readonly key: string
}

/**
 * Asks the running engine of a data directory over its API for its part of a backup. It creates a key for this purpose
 * only: a user who can write the key file can read everything in the directory anyway.
 */
export function engineHolder(url: string, directory: string, interrupted: AbortSignal): StoreHolder {
  const keys = openKeys(dataPaths(directory).keys, systemClock)
  let asked: Asked | undefined
  let renewedAtMs = 0

  async function begin(): Promise<Asked> {
    const expiresAtMs = systemClock.nowMs() + limits.backupKeyMs
    const { key, record } = await keys.create({ name: 'backup', tenant: everyTenant, scopes: ['admin'], expiresAtMs })
    // No interruption: the command removes the engine's part even after Ctrl-C.
    const client = clientOf(url, key, AbortSignal.any([]))
    try {
      const { status, body } = await client.post('/api/v2/backups', '{}', 'application/json')
      if (status === 409) throw new CommandFailed(exits.locked, failure(status, body).message)
      if (status !== 202) throw failure(status, body)
      return { client, key: record.id, id: (body as { id: string }).id }
    } catch (error) {
      await keys.withdraw(record.id)
      throw error
    }
  }

  async function ready({ client, id }: Asked, onBytes: OnBytes): Promise<HeldParts> {
    for (let seen = 0; ;) {
      const progress = (await client.get(`/api/v2/backups/${id}`)) as HoldProgress
      if (progress.state === 'ready') return progress.parts
      if (progress.state === 'failed')
        throw new CommandFailed(
          exits.dependency,
          `the engine could not write its part of the backup: ${progress.message}`,
        )
      onBytes(progress.bytes - seen)
      seen = progress.bytes
      await systemClock.sleep(limits.backupPollMs, interrupted)
    }
  }

  return {
    async hold(onBytes) {
      asked = await begin()
      return ready(asked, onBytes)
    },
    renew() {
      if (asked === undefined || systemClock.nowMs() - renewedAtMs < hereEveryMs) return
      renewedAtMs = systemClock.nowMs()
      asked.client.get(`/api/v2/backups/${asked.id}`).catch(() => undefined)
    },
    async release() {
      if (asked === undefined) return
      const { client, id, key } = asked
      asked = undefined
      // An engine that ended meanwhile removes its part at its next start.
      await client.remove(`/api/v2/backups/${id}`).catch(() => undefined)
      await keys.withdraw(key)
    },
  }
}
