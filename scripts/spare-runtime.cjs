// Runs as this package's `preinstall`, before the install script of any dependency, because npm runs all `preinstall`
// scripts first. The install script of onnxruntime-node downloads libraries for GPUs from a host that is not the npm
// registry, unless it finds their files; where that host cannot be reached, the whole installation fails. Tidemill
// computes on the CPU. So this script puts empty files there, and removes the libraries of other platforms.
// Where another package uses onnxruntime-node too, it changes nothing. It never fails.
const { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { basename, dirname, join } = require('node:path')

const runtime = 'onnxruntime-node'
const here = dirname(__dirname)

/** @param {string} folder @returns {Record<string, any>} */
const packageIn = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** Folders of a folder; of @scopes, theirs. @param {string} folder @returns {string[]} */
const packagesIn = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (!entry.isDirectory() || entry.name.startsWith('.')) return []
    return entry.name.startsWith('@') ? packagesIn(path) : [path]
  })

/** @param {string} folder */
function uses(folder) {
  if (folder === here || !existsSync(join(folder, 'package.json'))) return false
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = packageIn(folder)
  // npm installs no devDependencies of a package in node_modules.
  const own = basename(dirname(folder)) === 'node_modules' ? {} : devDependencies
  return [dependencies, optionalDependencies, peerDependencies, own].some((list) => list?.[runtime] !== undefined)
}

function spare() {
  // A clone installs by its own .npmrc, which runs no script.
  if (basename(dirname(here)) !== 'node_modules') return
  const folder = dirname(require.resolve(`${runtime}/package.json`, { paths: [here] }))
  const modules = dirname(folder)
  if ([dirname(modules), ...packagesIn(modules)].some(uses)) return

  const platform = `${process.platform}/${process.arch}`
  for (const version of readdirSync(join(folder, 'bin')))
    for (const system of readdirSync(join(folder, 'bin', version)))
      for (const machine of readdirSync(join(folder, 'bin', version, system))) {
        const libraries = join(folder, 'bin', version, system, machine)
        if (`${system}/${machine}` !== platform) rmSync(libraries, { recursive: true })
        else placehold(libraries, folder, platform)
      }
}

/** @param {string} libraries @param {string} folder @param {string} platform */
function placehold(libraries, folder, platform) {
  // Who asks for the download gets it.
  if (process.env.ONNXRUNTIME_NODE_INSTALL || process.env.npm_config_onnxruntime_node_install) return
  const { requirements, manifests } = require(join(folder, 'script', 'install-metadata.js'))
  for (const name of requirements[platform] ?? [])
    for (const file of Object.keys(manifests[`${platform}:${name}`] ?? {}))
      if (!existsSync(join(libraries, file))) writeFileSync(join(libraries, file), '')
}

try {
  spare()
} catch (error) {
  console.warn(`tidemill: ${runtime} stays as it is: ${error instanceof Error ? error.message : String(error)}`)
}
