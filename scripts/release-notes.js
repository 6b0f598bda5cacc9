// Prints the section of CHANGELOG.md for a version, without its heading: node scripts/release-notes.js 0.1.0
// Without a version: that of package.json. Exit code 1 where there is no section, or an empty one.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/**
 * The text below the heading `## <version>`, up to the next heading of that rank; undefined where there is none.
 * @param {string} changelog @param {string} version
 * @returns {string | undefined}
 */
export function notesOf(changelog, version) {
  const sections = changelog.split(/^## /m).slice(1)
  const section = sections.find((one) => /^\S+/.exec(one)?.[0] === version)
  const text = section?.slice(section.indexOf('\n') + 1).trim()
  return text === '' ? undefined : text
}

/** @param {string} name */
const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const version = process.argv[2] ?? JSON.parse(read('package.json')).version
  const notes = notesOf(read('CHANGELOG.md'), version)
  if (notes === undefined) {
    process.stderr.write(`CHANGELOG.md has no text below '## ${version}'\n`)
    process.exit(1)
  }
  process.stdout.write(`${notes}\n`)
}
