import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { diskFailure } from '../../base/disk.js'
import { EngineError, unless } from '../../base/errors.js'
import { digestOf, directoryMode, filesBelow, flush, flushTree, type OnBytes } from './files.js'
import { writeManifest, type BackedUpFile, type Manifest } from './manifest.js'

/** What a backup says of itself besides its files. */
export type Described = Omit<Manifest, 'format' | 'name' | 'files'>

export interface CreateOptions {
  /** Where backups lie; created where it is missing. */
  readonly to: string
  readonly name: string
  readonly format: number
  /** Puts everything into an empty folder and says what it is. Its calls to `onBytes` throw when the work is to end. */
  readonly gather: (folder: string, onBytes: OnBytes) => Promise<Described>
  readonly signal: AbortSignal
  readonly onProgress: (step: string, bytes: number) => void
}

/** Everything that others may not read: hashes of keys, and configurations with passwords. */
const isPrivate = (path: string): boolean => path === 'keys.json' || path.startsWith('configuration/')

/** The folder that a backup grows in: whoever looks for backups sees that it is none yet. */
export const unfinished = (name: string): string => `.${name}.incomplete`

/**
 * Makes a backup: gathered beside its place, read back, flushed, and renamed when it is whole. Whatever fails, nothing
 * is left that looks like one. BAD_REQUEST where there is one of this name, DISK_FULL, and what `gather` throws.
 */
export async function createBackup(
  options: CreateOptions,
): Promise<{ readonly path: string; readonly manifest: Manifest }> {
  const { to, name, signal } = options
  const path = join(to, name)
  const folder = join(to, unfinished(name))
  await mkdir(to, { recursive: true, mode: directoryMode })
  if ((await stat(path).catch(() => undefined)) !== undefined)
    throw new EngineError('BAD_REQUEST', `${path} exists; give the backup another --name`)
  await claimFolder(folder)
  try {
    const described = await options.gather(folder, counting(options, 'copied'))
    signal.throwIfAborted()
    const files = await sealed(folder, counting(options, 'checked'))
    const manifest: Manifest = { format: options.format, name, ...described, files }
    for (const one of await writeManifest(folder, manifest)) await flush(one)
    await flushTree(folder, false)
    signal.throwIfAborted()
    await rename(folder, path)
    await flush(to)
    return { path, manifest }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw diskFailure(error, `writing a backup to ${to} (nothing was kept)`)
  }
}

async function claimFolder(folder: string): Promise<void> {
  const made = await unless(
    ['EEXIST'],
    mkdir(folder, { mode: directoryMode }).then(() => true),
  )
  if (made === undefined)
    throw new EngineError(
      'BAD_REQUEST',
      `${folder} exists: another backup of this name is under way, or was cut short. Remove it, or give ` +
        'another --name.',
    )
}

/** Reads every file back, so that the checksums are those of what was written, and leaves it on disk with its mode. */
async function sealed(folder: string, onBytes: OnBytes): Promise<BackedUpFile[]> {
  const files: BackedUpFile[] = []
  for (const path of await filesBelow(folder)) {
    const mode = isPrivate(path) ? 0o600 : 0o640
    files.push({ path, mode, ...(await digestOf(join(folder, path), onBytes, { mode })) })
  }
  return files
}

function counting({ signal, onProgress }: CreateOptions, step: string): OnBytes {
  let sum = 0
  return (bytes) => {
    signal.throwIfAborted()
    onProgress(step, (sum += bytes))
  }
}
