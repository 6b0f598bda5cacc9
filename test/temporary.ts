import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One folder for all that tests put aside: it goes with them, whatever each of them left. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-tests-'))
  process.env['TMPDIR'] = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
