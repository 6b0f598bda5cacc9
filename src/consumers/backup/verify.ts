import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EngineError, unless } from '../../base/errors.js'
import { digestOf, filesBelow, type OnBytes } from './files.js'
import { backupFormat, bytesOf, manifestName, readManifest, type Manifest } from './manifest.js'

/** The result of reading every byte of a backup. */
export type Verified =
  | { readonly manifest: Manifest; readonly problems: readonly string[] }
  | { readonly manifest: undefined; readonly problems: readonly [string] }

/**
 * Compares every file of a backup with its manifest. A file that is missing, cut, changed or not in the manifest is a
 * problem: a sentence that begins with its path. STATE_MISMATCH where a newer build wrote the backup.
 */
export async function verifyBackup(directory: string, onBytes: OnBytes): Promise<Verified> {
  const read = await readManifest(directory)
  switch (read.is) {
    case 'absent':
      return {
        manifest: undefined,
        problems: [`${manifestName}: is missing; ${directory} is no backup, or an unfinished one`],
      }
    case 'damaged':
      return { manifest: undefined, problems: [read.problem] }
    case 'newer':
      throw new EngineError(
        'STATE_MISMATCH',
        `${directory} was written by build ${read.version} in format ${read.format}; this build reads up to ` +
          `${backupFormat}. Use that build or a newer one.`,
      )
    case 'read':
      return { manifest: read.manifest, problems: await problemsOf(directory, read.manifest, onBytes) }
  }
}

async function problemsOf(directory: string, { files }: Manifest, onBytes: OnBytes): Promise<string[]> {
  const problems: string[] = []
  for (const { path, bytes, sha256 } of files) {
    const found = await unless(
      ['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EIO'],
      digestOf(join(directory, path), onBytes),
    )
    if (found === undefined) problems.push(`${path}: is missing or cannot be read`)
    else if (found.bytes !== bytes) problems.push(`${path}: has ${found.bytes} bytes instead of ${bytes}`)
    else if (found.sha256 !== sha256)
      problems.push(`${path}: was changed; its bytes do not have the checksum of the manifest`)
  }
  const known = new Set(files.map(({ path }) => path))
  for (const path of await filesBelow(directory))
    if (!known.has(path) && !path.startsWith(manifestName)) problems.push(`${path}: is not in the manifest`)
  return problems
}

/** An entry of a directory of backups, by its manifest alone. */
export type Listed =
  | {
      readonly name: string
      readonly standing: 'whole'
      readonly takenAt: string
      readonly version: string
      readonly preset: Manifest['preset']
      readonly host: string
      readonly bytes: number
      readonly files: number
      readonly events: number
    }
  | { readonly name: string; readonly standing: 'incomplete' | 'damaged' | 'newer'; readonly detail: string }

/** The backups of a directory, oldest first, and why some cannot be used. Empty where the directory is missing. */
export async function listBackups(directory: string): Promise<readonly Listed[]> {
  const listed: Listed[] = []
  for (const name of await readdir(directory).catch(() => [])) {
    if (!(await stat(join(directory, name))).isDirectory()) continue
    const one = await entryOf(directory, name)
    if (one !== undefined) listed.push(one)
  }
  const key = (one: Listed): string => (one.standing === 'whole' ? one.takenAt : one.name)
  return listed.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

async function entryOf(directory: string, name: string): Promise<Listed | undefined> {
  if (/^\..*\.incomplete$/.test(name))
    return { name, standing: 'incomplete', detail: 'is being made, or was interrupted; then remove it' }
  const read = await readManifest(join(directory, name))
  switch (read.is) {
    case 'absent':
      return undefined
    case 'damaged':
      return { name, standing: 'damaged', detail: read.problem }
    case 'newer':
      return { name, standing: 'newer', detail: `was written by build ${read.version} in format ${read.format}` }
    case 'read': {
      const { takenAt, build, preset, host, files, log, streams } = read.manifest
      const topics = new Set(streams.map(({ topic }) => topic))
      const events = log
        .filter(({ topic }) => topics.has(topic))
        .reduce((sum, { first, next }) => sum + next - first, 0)
      return {
        name,
        standing: 'whole',
        takenAt,
        version: build.version,
        preset,
        host,
        bytes: bytesOf(read.manifest),
        files: files.length,
        events,
      }
    }
  }
}
