// Python packages for tests: installed from PyPI once, into the user's cache, and found by PYTHONPATH.
import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { cached, cachedAt, runToEnd } from './cache.js'

const run = promisify(execFile)

/** The same requirements on the same Python are the same packages. @param {string} requirements */
function placeOf(requirements) {
  const version =
    spawnSync('python3', ['-c', 'import sys; print(*sys.version_info[:2], sep=".")'], {
      encoding: 'utf8',
    }).stdout?.trim() ?? ''
  return `python-${version}-${createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)}`
}

/**
 * Whether packages are there, or could be fetched: what is lacking, in a sentence that says how to get it. @param
 * {string} requirements a requirements.txt
 */
export function missingPython(requirements) {
  if (spawnSync('python3', ['--version']).status !== 0)
    return "'python3' is missing: apt-get install python3 python3-pip"
  if (existsSync(cachedAt(placeOf(requirements)))) return undefined
  return spawnSync('python3', ['-m', 'pip', '--version']).status === 0
    ? undefined
    : "'pip' is missing, and with it what the Python of the tests needs: apt-get install python3-pip"
}

/**
 * Runs a Python file with its packages, which are fetched where they are not there yet; a mirror that cannot be reached
 * is an error with pip's own words. Resolves with the standard output, rejects with what was said where it failed.
 * @param {{ file: string, args?: readonly string[], requirements: string, cwd?: string, env?: Readonly<Record<string,
 * string>> }} options
 */
export async function runPython({ file, args = [], requirements, cwd, env }) {
  const packages = await cached(placeOf(requirements), (directory) =>
    runToEnd('python3', ['-m', 'pip', 'install', '--quiet', '--target', directory, '--requirement', requirements]),
  )
  const { stdout } = await run('python3', [file, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env, PYTHONPATH: packages },
    maxBuffer: 256 * 1024 * 1024,
  })
  return stdout
}
