// The other versions of Node that the project promises to run on, each from its npm package `node-<platform>-<cpu>`.
// As a command: `node scripts/services/node.js 24` fetches a version where it is missing and prints its program's path.
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { cached, runToEnd } from './cache.js'

/** One version of each line of releases. docker/Dockerfile has the last one. @type {readonly string[]} */
export const nodeVersions = ['22.23.5', '24.22.3']

/** The path of the program `node` of a version; fetched once and kept. @param {string} version */
export async function nodeProgram(version) {
  const name = `node-${process.platform}-${process.arch}`
  const place = await cached(`${name}-${version}`, async (directory) => {
    await runToEnd('npm', ['pack', '--silent', '--pack-destination', directory, `${name}@${version}`])
    const archive = join(directory, `${name}-${version}.tgz`)
    await runToEnd('tar', ['-xzf', archive, '-C', directory, 'package/bin/node', 'package/LICENSE'])
    await rename(join(directory, 'package', 'bin', 'node'), join(directory, 'node'))
    await rename(join(directory, 'package', 'LICENSE'), join(directory, 'LICENSE'))
    await Promise.all([rm(archive), rm(join(directory, 'package'), { recursive: true })])
  })
  return join(place, 'node')
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const major = process.argv[2]
  const version = nodeVersions.find((one) => one.split('.')[0] === major)
  if (version === undefined) throw new Error(`name one of ${nodeVersions.map((one) => one.split('.')[0]).join(', ')}`)
  process.stdout.write(`${await nodeProgram(version)}\n`)
}
