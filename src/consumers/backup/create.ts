import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { diskFailure } from '../../base/disk.js'
import { EngineError, unless } from '../../base/errors.js'
import { digestOf, directoryMode, filesBelow, flush, flushTree, type OnBytes } from './files.js'
import { writeManifest, type BackedUpFile, type Manifest } from './manifest.js'

/** The part of a manifest that describes the backup, without its files. */
export type Described = Omit<Manifest, 'format' | 'name' | 'files'>

export interface CreateOptions {
  /** The directory of the backups; created where it is missing. */
  readonly to: string
  readonly name: string
  readonly format: number
  /** Fills an empty folder and describes what is in it. Its calls to `onBytes` throw when it must end early. */
  readonly gather: (folder: string, onBytes: OnBytes) => Promise<Described>
  readonly signal: AbortSignal
  readonly onProgress: (step: string, bytes: number) => void
}

/** Only the owner may read hashes of keys, and configurations, which may hold passwords. */
const isPrivate = (path: string): boolean => path === 'keys.json' || path.startsWith('configuration/')

/** The name of the folder of an unfinished backup. `listBackups` does not take it for a backup. */
export const unfinished = (name: string): string => `.${name}.incomplete`

/**
 * Makes a backup: fills a folder beside its place, reads it back, flushes it, and renames it when it is complete. On
 * failure it removes the folder. BAD_REQUEST where a backup of this name exists, DISK_FULL, and errors of `gather`.
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
      `${folder} exists: another backup of this name is running, or was interrupted. Remove it, or give ` +
        'another --name.',
    )
}

/** Reads every file back, so that the checksums are those of the written bytes; flushes it and sets its mode. */
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
