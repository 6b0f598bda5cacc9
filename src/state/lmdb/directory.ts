import { execFile } from 'node:child_process'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/*
 * LMDB runs here without flushing, because the log can rebuild its state. When the process is killed, the page cache
 * stays complete. Only a crash of the operating system loses pages, in any order. So a marker file records the boot of
 * the machine and whether the state file was closed (and flushed). After another boot, an unclosed file is not used.
 */

/** The state file and the files beside it. */
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
  /** One sentence for each damaged file that was dropped; normally empty. */
  readonly repairs: readonly string[]
}

/** The id of this boot of the machine; '' where the system has none, and then no unclosed file is used. */
export async function currentBootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    return ''
  }
}

/** Removes a state file that is not safe to map, and marks the directory as in use. */
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

/** Call it after closing the environment. Everything is on disk when it resolves. */
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

/** Reading 1 GiB takes ~1 s from the page cache. A file that takes longer than this contains a loop. */
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
