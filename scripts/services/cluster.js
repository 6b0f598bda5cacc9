// The servers of the cluster preset on this machine, without Docker. As a command:
//   node scripts/services/cluster.js start [directory]   starts them and prints the variables that `tidemill` needs
//   node scripts/services/cluster.js stop [directory]    stops them; their data stays in the directory
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { clickhouse } from './clickhouse.js'
import { kafka } from './kafka.js'
import { redis } from './redis.js'
import { registry } from './registry.js'

const all = [kafka, redis, registry, clickhouse]

/** What this machine lacks, a sentence each. */
export const missing = (services = all) => services.flatMap((service) => service.missing() ?? [])

/**
 * Starts servers, each in a folder of its own. Where one does not start, the others are stopped again.
 * @param {string} directory @param {readonly import('./start-process.js').Service[]} [services]
 * @returns {Promise<import('./start-process.js').Running & { readonly pids: readonly number[] }>}
 */
export async function startCluster(directory, services = all) {
  /** @type {import('./start-process.js').Running[]} */
  const running = []
  const stop = async (/** @type {NodeJS.Signals} */ signal = 'SIGTERM') => {
    await Promise.all(running.map((one) => one.stop(signal)))
  }
  const started = await Promise.allSettled(
    services.map(async (service) => {
      const folder = join(directory, service.name)
      await mkdir(folder, { recursive: true })
      running.push(await service.start({ directory: folder }))
    }),
  )
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await stop()
    throw failed.reason
  }
  return {
    pid: process.pid,
    pids: running.map(({ pid }) => pid),
    stop,
    variables: Object.assign({ TIDEMILL_PRESET: 'cluster' }, ...running.map(({ variables }) => variables)),
  }
}

/** @param {string} command @param {string} directory */
async function main(command, directory) {
  const state = join(directory, 'running.json')
  if (command === 'stop') {
    for (const pid of JSON.parse(await readFile(state, 'utf8'))) process.kill(pid, 'SIGTERM')
    return
  }
  if (command !== 'start') throw new Error(`'${command}' is neither start nor stop`)
  const lacking = missing()
  if (lacking.length > 0) throw new Error(lacking.join('\n'))
  await mkdir(directory, { recursive: true })
  const { pids, variables } = await startCluster(directory)
  await writeFile(state, JSON.stringify(pids))
  for (const [name, value] of Object.entries(variables)) process.stdout.write(`export ${name}=${value}\n`)
  process.exit(0)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  await main(process.argv[2] ?? 'start', resolve(process.argv[3] ?? join(tmpdir(), 'tidemill-services')))
