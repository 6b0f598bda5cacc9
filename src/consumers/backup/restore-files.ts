import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { copyWhole, type OnBytes } from './files.js'
import type { Manifest } from './manifest.js'

/** Copies those files of a backup that `wanted` names into a directory, with their modes. */
export async function restoreFiles(
  backup: string,
  { files }: Manifest,
  directory: string,
  onBytes: OnBytes,
  wanted: (path: string) => boolean,
): Promise<void> {
  for (const { path, bytes, mode } of files) {
    if (!wanted(path)) continue
    onBytes(bytes)
    await copyWhole(join(backup, path), join(directory, path))
    await chmod(join(directory, path), mode)
  }
}
