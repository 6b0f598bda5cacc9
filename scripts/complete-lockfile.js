// Adds the optional platform packages to package-lock.json that the registry in use does not have. `npm install` leaves
// them out, and then `npm ci` refuses the file on every platform. Their names contain os and cpu.
// Run it after `npm install`: node scripts/complete-lockfile.js
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package-lock.json', import.meta.url)
/** @type {{ packages: Record<string, { optionalDependencies?: Record<string, string>, [field: string]: unknown }> }} */
const lock = JSON.parse(readFileSync(path, 'utf8'))
const systems = ['darwin', 'linux', 'win32', 'freebsd', 'android', 'openbsd']
const processors = ['arm64', 'x64', 'arm', 'ia32']

/** @type {string[]} */
const added = []
for (const { optionalDependencies } of Object.values(lock.packages)) {
  for (const [name, range] of Object.entries(optionalDependencies ?? {})) {
    const place = `node_modules/${name}`
    const version = range.replace(/^[~^]/, '')
    if (
      Object.keys(lock.packages).some((one) => one === place || one.endsWith(`/${place}`)) ||
      !/^\d+\.\d+\.\d+/.test(version)
    )
      continue
    const words = name.split('-')
    const os = systems.filter((one) => words.includes(one))
    const cpu = processors.filter((one) => words.includes(one))
    if (os.length === 0) continue
    lock.packages[place] = { version, cpu, optional: true, os }
    added.push(`${name}@${version}`)
  }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
process.stdout.write(`added ${added.length}: ${added.join(', ')}\n`)
