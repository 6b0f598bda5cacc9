// Runs as this package's `preinstall`, before the install script of any dependency, because npm runs all `preinstall`
// scripts first. The install script of onnxruntime-node downloads libraries for GPUs from a host that is not the npm
// registry, unless it finds their files; where that host cannot be reached, the whole installation fails. Tidemill
// computes on the CPU. So this script puts empty files there, and removes the libraries of other platforms.
// Where another package uses onnxruntime-node too, it changes nothing. It never fails.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {Partial<Record<'dependencies' | 'optionalDependencies' | 'peerDependencies' | 'devDependencies',
 *   Readonly<Record<string, string>>>>} Manifest
 * @typedef {{ readonly requirements: Readonly<Record<string, readonly string[]>>,
 *   readonly manifests: Readonly<Record<string, object>> }} Downloads
 */

const runtime = 'onnxruntime-node'
const here = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)
const platform = `${process.platform}/${process.arch}`

/** The folders of packages in a node_modules. @param {string} folder @returns {string[]} */
const packagesIn = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (!entry.isDirectory() || entry.name.startsWith('.')) return []
    return entry.name.startsWith('@') ? packagesIn(path) : [path]
  })

/** Whether another package than this one has the runtime as a dependency. @param {string} folder */
function uses(folder) {
  if (folder === here || !existsSync(join(folder, 'package.json'))) return false
  const text = readFileSync(join(folder, 'package.json'), 'utf8')
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = /** @type {Manifest} */ (
    JSON.parse(text)
  )
  // npm installs no devDependencies of a package in node_modules.
  const own = basename(dirname(folder)) === 'node_modules' ? undefined : devDependencies
  return [dependencies, optionalDependencies, peerDependencies, own].some((list) => list?.[runtime] !== undefined)
}

function spare() {
  // A clone installs by its own .npmrc, which runs no script.
  if (basename(dirname(here)) !== 'node_modules') return
  const folder = dirname(require.resolve(`${runtime}/package.json`))
  const modules = dirname(folder)
  if ([dirname(modules), ...packagesIn(modules)].some(uses)) return
  for (const version of readdirSync(join(folder, 'bin')))
    for (const system of readdirSync(join(folder, 'bin', version)))
      for (const machine of readdirSync(join(folder, 'bin', version, system))) {
        const libraries = join(folder, 'bin', version, system, machine)
        if (`${system}/${machine}` === platform) placehold(libraries, folder)
        else rmSync(libraries, { recursive: true })
      }
}

/** @param {string} libraries @param {string} folder */
function placehold(libraries, folder) {
  const { ONNXRUNTIME_NODE_INSTALL, npm_config_onnxruntime_node_install } = process.env
  // A person who asks for the download gets it.
  if (ONNXRUNTIME_NODE_INSTALL ?? npm_config_onnxruntime_node_install) return
  const metadata = /** @type {unknown} */ (require(join(folder, 'script', 'install-metadata.js')))
  const { requirements, manifests } = /** @type {Downloads} */ (metadata)
  for (const name of requirements[platform] ?? [])
    for (const file of Object.keys(manifests[`${platform}:${name}`] ?? {}))
      if (!existsSync(join(libraries, file))) writeFileSync(join(libraries, file), '')
}

try {
  spare()
} catch (error) {
  process.stderr.write(
    `tidemill: ${runtime} stays as it is: ${error instanceof Error ? error.message : String(error)}\n`,
  )
}
