/** Keys on disk: one JSON file that only its owner may read. The engine and the command line share it. */
import { open, rename, rm, stat } from 'node:fs/promises'
import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import type { Clock } from '../../base/clock.js'
import { diskFailure } from '../../base/disk.js'
import { EngineError, messageOf } from '../../base/errors.js'
import { createKey, keyRing, scopes, type KeyRecord, type KeyRing, type NewKey } from './keys.js'
import { oneOf } from '../one-of.js'

/** The engine sees a change on disk after this time at most; an unknown key makes it read the file at once. */
const recheckMs = 1_000
/** A crashed process left a lock that is older than this: a change takes milliseconds. */
const staleLockMs = 10_000
const missing = 'missing'
const lockTries = 100
const lockWaitMs = 20

const KeyFile = Type.Object({
  keys: Type.Array(
    Type.Object({
      id: Type.String({ pattern: '^[0-9a-f]{12}$' }),
      name: Type.String(),
      tenant: Type.String({ minLength: 1 }),
      scopes: Type.Array(oneOf(scopes)),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      createdAtMs: Type.Number(),
      expiresAtMs: Type.Optional(Type.Number()),
    }),
  ),
})

/** The keys of one data directory. Several processes may use the file at once. */
export interface KeyStore extends KeyRing {
  /** The keys in the file now, oldest first. */
  list(): readonly KeyRecord[]
  /** Creates a key, durable when it resolves. Only the result contains the key itself. LOCKED, DISK_FULL. */
  create(wanted: NewKey): Promise<{ readonly key: string; readonly record: KeyRecord }>
  /** Removes a key and returns whether it existed. Once it resolves, requests with the key are refused. */
  withdraw(id: string): Promise<boolean>
}

/** Opens the file, which need not exist yet. Throws BAD_CONFIG for a damaged file, which admits no key. */
export function openKeys(path: string, clock: Clock): KeyStore {
  let seen = missing
  let checkedAtMs = 0
  let records: readonly KeyRecord[] = []
  let ring = keyRing(records)

  const adopt = (found: readonly KeyRecord[], signature: string): void => {
    records = found
    ring = keyRing(found)
    seen = signature
  }
  const refresh = (): boolean => {
    checkedAtMs = clock.nowMs()
    const now = signatureOf(path)
    if (now === seen) return false
    adopt([], 'unreadable')
    adopt(readKeys(path), now)
    return true
  }

  const change = (edit: (before: readonly KeyRecord[]) => readonly KeyRecord[]): Promise<void> =>
    withLock(path, clock, async (write) => {
      await write(JSON.stringify({ keys: edit(readKeys(path)) }, null, 2) + '\n')
    }).then(() => {
      refresh()
    })

  refresh()
  return {
    verify(key, nowMs) {
      if (nowMs - checkedAtMs >= recheckMs) refresh()
      const holder = ring.verify(key, nowMs)
      return holder === undefined && refresh() ? ring.verify(key, nowMs) : holder
    },
    list() {
      refresh()
      return records
    },
    async create(wanted) {
      const created = createKey(wanted, clock.nowMs())
      await change((before) => [...before, created.record])
      return created
    },
    async withdraw(id) {
      let found = false
      await change((before) => before.filter((record) => record.id !== id || !(found = true)))
      return found
    },
  }
}

/** Changes whenever the file is replaced. */
function signatureOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found ? `${found.ino}:${found.mtimeNs}:${found.size}` : missing
}

function readKeys(path: string): readonly KeyRecord[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new EngineError(
      'BAD_CONFIG',
      `${path}: cannot read the keys (${messageOf(error)}); restore the file, or remove it and create new keys`,
    )
  }
  if (Value.Check(KeyFile, parsed)) return parsed.keys
  const first = Value.Errors(KeyFile, parsed).First()
  throw new EngineError(
    'BAD_CONFIG',
    `${path}${first?.path ?? ''}: ${first?.message ?? 'not a key file'}; restore the file, or remove it and ` +
      'create new keys',
  )
}

/**
 * Runs one change at a time across processes. The lock is the new file itself: it is created exclusively, written,
 * flushed and renamed over the old one, so that a crash at any moment leaves either the old keys or the new.
 */
async function withLock(
  path: string,
  clock: Clock,
  work: (write: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const lock = `${path}.lock`
  const handle = await acquire(lock, clock)
  try {
    await work(async (text) => {
      await handle.writeFile(text)
      await handle.sync()
      await rename(lock, path)
    })
    const folder = await open(dirname(path), 'r')
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    await rm(lock, { force: true })
    throw diskFailure(error, `writing the keys in ${path}`)
  } finally {
    await handle.close()
  }
}

async function acquire(lock: string, clock: Clock): ReturnType<typeof open> {
  for (let tries = 0; tries < lockTries; tries++) {
    try {
      return await open(lock, 'wx', 0o600)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const held = await stat(lock).catch(() => undefined)
      if (held && clock.nowMs() - held.mtimeMs > staleLockMs) await rm(lock, { force: true })
      else await clock.sleep(lockWaitMs)
    }
  }
  throw new EngineError(
    'LOCKED',
    `another process holds ${lock}; try again, or remove the file if there is no such process`,
  )
}
