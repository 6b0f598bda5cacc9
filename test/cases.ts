import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Small inputs from outside that once failed, in a folder beside the repository. */
const directory = fileURLToPath(new URL('../../shared/cases', import.meta.url))

/** The path of a case; undefined with a message where the folder is missing. */
export function caseAt(name: string): string | undefined {
  const path = `${directory}/${name}`
  if (existsSync(path)) return path
  process.stderr.write(`\n!!! NOT RUN: the case ${name}, because ../shared/cases/${name} is missing\n\n`)
  return undefined
}
