import { execFile } from 'node:child_process'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/*
 * LMDB runs here without flushing: its state can be rebuilt from the log, and a killed process leaves the page cache
 * whole. Only the end of the operating system itself loses pages, in any order. So a marker beside the file holds the
 * boot it was written in and whether it was closed (and flushed); after another boot, an unclosed file is not trusted.
 */

/** Where the state lies and what stands beside it. */
const filesOf = (directory: string) => ({
  state: join(directory, 'state.mdb'),
  lock: join(directory, 'state.mdb-lock'),
  marker: join(directory, 'state.marker.json'),
})

interface Marker {
  readonly bootId: string
  readonly clean: boolean
}

export interface Prepared {
  readonly file: string
  /** What was found broken and given up, a sentence each; empty as a rule. */
  readonly repairs: readonly string[]
}

/** The boot this machine is in; '' where the system does not say, which trusts no unclosed file. */
export async function currentBootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    return ''
  }
}

/** Leaves a state file that is safe to map, or none, and marks it as in use. */
export async function prepareDirectory(directory: string, bootId: string): Promise<Prepared> {
  await mkdir(directory, { recursive: true })
  const files = filesOf(directory)
  const doubt = await doubtsAbout(files, bootId)
  if (doubt !== undefined) await Promise.all([rm(files.state, { force: true }), rm(files.lock, { force: true })])
  await writeMarker(directory, { bootId, clean: false })
  return {
    file: files.state,
    repairs: doubt === undefined ? [] : [`${doubt}; the state starts empty and is rebuilt from the log`],
  }
}

/** Call after the environment was closed: everything is on disk when this resolves. */
export async function markClean(directory: string, bootId: string): Promise<void> {
  await flush(filesOf(directory).state)
  await writeMarker(directory, { bootId, clean: true })
}

/** Bytes of the state file; 0 where there is none. */
export async function stateBytes(directory: string): Promise<number> {
  return (await stat(filesOf(directory).state).catch(() => undefined))?.size ?? 0
}

/** Why the file cannot be used; undefined when it can, or when there is none. */
async function doubtsAbout(
  { state, marker }: { readonly state: string; readonly marker: string },
  bootId: string,
): Promise<string | undefined> {
  if ((await stat(state).catch(() => undefined)) === undefined) return undefined
  const left = await readMarker(marker)
  if (left === undefined) return 'the state file has no readable marker beside it'
  if (left.clean) return undefined
  if (bootId === '' || left.bootId !== bootId) return 'the machine went down before the state was flushed'
  return (await readsWhole(state)) ? undefined : 'the state file is damaged: reading it through failed'
}

async function readMarker(path: string): Promise<Marker | undefined> {
  try {
    const { bootId, clean } = JSON.parse(await readFile(path, 'utf8')) as Partial<Marker>
    return typeof bootId === 'string' && typeof clean === 'boolean' ? { bootId, clean } : undefined
  } catch {
    return undefined
  }
}

async function writeMarker(directory: string, marker: Marker): Promise<void> {
  const { marker: path } = filesOf(directory)
  const file = await open(`${path}.new`, 'w')
  try {
    await file.writeFile(JSON.stringify(marker))
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
  await flush(directory)
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** 1 GiB is read in ~1 s from the page cache; a file that takes longer than this turns in circles. */
const checkTimeoutMs = 120_000

async function readsWhole(file: string): Promise<boolean> {
  try {
    await promisify(execFile)(process.execPath, [fileURLToPath(new URL('./check.js', import.meta.url)), file], {
      timeout: checkTimeoutMs,
      killSignal: 'SIGKILL',
    })
    return true
  } catch {
    return false
  }
}
