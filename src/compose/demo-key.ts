import { readFile, writeFile } from 'node:fs/promises'
import type { KeyStore } from '../api/keys/key-file.js'
import { scopes } from '../api/keys/keys.js'
import type { Clock } from '../base/clock.js'
import { everyTenant } from '../contracts/callers.js'

const name = 'demo'

/** The demo's key, an operator key with every scope. It stays the same while the engine starts with the demo. */
export async function demoKeyIn(path: string, keys: KeyStore, clock: Clock): Promise<string> {
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim()
  const holder = keys.verify(kept, clock.nowMs())
  const isDemo = keys.list().some((record) => record.id === holder?.id && record.name === name)
  if (isDemo && holder?.tenant === everyTenant && scopes.every((scope) => holder.scopes.has(scope))) return kept
  await withdrawDemoKeys(keys)
  const { key } = await keys.create({ name, tenant: everyTenant, scopes })
  await writeFile(path, key, { mode: 0o600 })
  return key
}

/** An engine without the demo accepts no key of it. */
export async function withdrawDemoKeys(keys: KeyStore): Promise<void> {
  for (const record of keys.list()) if (record.name === name) await keys.withdraw(record.id)
}
