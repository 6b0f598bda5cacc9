import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { messageOf, unless } from '../../base/errors.js'

/** Increased when an older build cannot restore what this one writes. */
export const backupFormat = 1
export const manifestName = 'backup.json'
/** The manifest's own checksum, as `sha256sum -c` reads it. */
const checksumName = `${manifestName}.sha256`

/** A path below the backup. It is not absolute, does not lead up, and is not a manifest. */
const FilePath = Type.String({ pattern: `^(?!/)(?!${manifestName})(?!(.*/)?\\.{1,2}(/|$))[^\\\\\\u0000]+$` })

/** The content of `backup.json`. */
export const Manifest = Type.Object({
  format: Type.Integer({ minimum: 1 }),
  name: Type.String(),
  /** ISO 8601: the time at which the copied offsets were the whole log. */
  takenAt: Type.String(),
  build: Type.Object({ version: Type.String(), node: Type.String(), platform: Type.String() }),
  host: Type.String(),
  preset: Type.Union([Type.Literal('embedded'), Type.Literal('cluster')]),
  /** The data directory, and whether an engine ran in it. */
  source: Type.Object({ directory: Type.String(), running: Type.Boolean() }),
  /** What the state and models of each stream depend on. */
  streams: Type.Array(
    Type.Object({
      name: Type.String(),
      topic: Type.String(),
      partitions: Type.Integer(),
      fingerprint: Type.String(),
      stateIdentity: Type.String(),
    }),
  ),
  /** Offsets in the backup: `first` up to `next` (exclusive). */
  log: Type.Array(
    Type.Object({ topic: Type.String(), partition: Type.Integer(), first: Type.Integer(), next: Type.Integer() }),
  ),
  /** The sources of the configuration and stream files, which are below `configuration`. */
  configuration: Type.Array(Type.Object({ file: Type.String(), from: Type.String() })),
  files: Type.Array(
    Type.Object({
      path: FilePath,
      bytes: Type.Integer({ minimum: 0 }),
      mode: Type.Integer(),
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    }),
  ),
})
export type Manifest = Static<typeof Manifest>
export type BackedUpFile = Manifest['files'][number]

export const bytesOf = ({ files }: Pick<Manifest, 'files'>): number => files.reduce((sum, { bytes }) => sum + bytes, 0)

/** Writes the manifest and its checksum. The caller flushes them. */
export async function writeManifest(directory: string, manifest: Manifest): Promise<readonly string[]> {
  const text = `${JSON.stringify(manifest, undefined, 1)}\n`
  await writeFile(join(directory, manifestName), text, { mode: 0o640, flag: 'wx' })
  await writeFile(join(directory, checksumName), `${sha256Of(text)}  ${manifestName}\n`, { mode: 0o640, flag: 'wx' })
  return [join(directory, manifestName), join(directory, checksumName)]
}

/** A manifest, or why this build cannot use it. */
export type ReadManifest =
  | { readonly is: 'read'; readonly manifest: Manifest }
  | { readonly is: 'absent' }
  | { readonly is: 'damaged'; readonly problem: string }
  | { readonly is: 'newer'; readonly format: number; readonly version: string }

/** Reads the manifest of a backup and verifies its checksum. */
export async function readManifest(directory: string): Promise<ReadManifest> {
  const [text, checksum] = await Promise.all([
    textOf(join(directory, manifestName)),
    textOf(join(directory, checksumName)),
  ])
  if (text === undefined && checksum === undefined) return { is: 'absent' }
  if (text === undefined) return { is: 'damaged', problem: `${manifestName}: is missing` }
  if (checksum === undefined) return { is: 'damaged', problem: `${checksumName}: is missing` }
  if (checksum.slice(0, 64) !== sha256Of(text))
    return { is: 'damaged', problem: `${manifestName}: does not have the checksum in ${checksumName}` }
  return parse(text)
}

function parse(text: string): ReadManifest {
  try {
    const found: unknown = JSON.parse(text)
    const { format, build } = found as Partial<Manifest>
    if (typeof format === 'number' && format > backupFormat)
      return { is: 'newer', format, version: String(build?.version) }
    const problem = Value.Errors(Manifest, found).First()
    return problem === undefined
      ? { is: 'read', manifest: found as Manifest }
      : { is: 'damaged', problem: `${manifestName}${problem.path}: ${problem.message}` }
  } catch (error) {
    return { is: 'damaged', problem: `${manifestName}: ${messageOf(error)}` }
  }
}

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

const textOf = (path: string): Promise<string | undefined> => unless(['ENOENT', 'ENOTDIR'], readFile(path, 'utf8'))
