// Programs that tests need and that no package manager of the system has are fetched once and kept in the user's cache.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const folder = join(homedir(), '.cache', 'tidemill')

/** Where a fetched program lies or will lie. @param {string} name */
export const cachedAt = (name) => join(folder, name)

/**
 * The directory of a program, fetched by `fill` where it is not there yet. A name holds a version, so what is there is
 * right; two processes may fetch at once, and a fetch that was cut off leaves nothing that is taken for the program.
 * @param {string} name
 * @param {(directory: string) => Promise<void>} fill
 */
export async function cached(name, fill) {
  const place = cachedAt(name)
  if (existsSync(place)) return place
  await mkdir(folder, { recursive: true })
  const fresh = await mkdtemp(`${place}.fetching-`)
  try {
    await fill(fresh)
    await rename(fresh, place).catch((error) => {
      if (!existsSync(place)) throw error
    })
    return place
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

const run = promisify(execFile)

/** A slow mirror needs minutes for 160 MB; nothing needs longer. */
const patienceMs = 10 * 60_000

/**
 * Runs a program to its end. Rejects with what it said.
 * @param {string} program
 * @param {readonly string[]} args
 */
export async function runToEnd(program, args) {
  try {
    await run(program, [...args], { timeout: patienceMs, maxBuffer: 64 * 1024 * 1024 })
  } catch (error) {
    const { stdout = '', stderr = '' } = /** @type {{ stdout?: string, stderr?: string }} */ (error)
    throw new Error(
      `${program} ${args.join(' ')} failed. The end of what it said:\n${`${stdout}\n${stderr}`.trim().slice(-2_000)}`,
      { cause: error },
    )
  }
}
