// npm run bench:cluster [-- options of `tidemill bench`]: the servers of a cluster on this machine, the bench beside
// them, and their end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { clickhouse } from '../scripts/services/clickhouse.js'
import { kafka } from '../scripts/services/kafka.js'
import { redis } from '../scripts/services/redis.js'
import { missing } from '../scripts/services/cluster.js'

const cli = fileURLToPath(new URL('../dist/cli/launch.cjs', import.meta.url))

/** @typedef {Readonly<Record<string, string>>} Variables */

/**
 * Runs `tidemill bench --preset cluster` beside servers of its own and gives its exit code and its output. A broker
 * that runs already is used where `broker` names it.
 * @param {readonly string[]} options
 * @param {{ broker?: { address: string, pid: number }, capture?: boolean }} [how]
 */
export async function benchCluster(options, { broker, capture = false } = {}) {
  const services = broker === undefined ? [kafka, redis, clickhouse] : [redis, clickhouse]
  const lacking = missing(services)
  if (lacking.length > 0) throw new Error(lacking.join('\n'))
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-bench-servers-'))
  /** @type {{ name: string, pid: number, variables: Variables, stop: () => Promise<void> }[]} */
  const running = []
  try {
    for (const service of services)
      running.push({ name: service.name, ...(await service.start({ directory: join(directory, service.name) })) })
    const pids = [
      ...(broker === undefined ? [] : [`kafka=${broker.pid}`]),
      ...running.map(({ name, pid }) => `${name}=${pid}`),
    ]
    /** @type {Variables} */
    const variables = Object.assign(
      {},
      broker === undefined ? {} : { TIDEMILL_KAFKA_BROKERS: broker.address },
      ...running.map((one) => one.variables),
    )
    const bench = spawn(
      process.execPath,
      [cli, 'bench', '--preset', 'cluster', '--beside', pids.join(','), ...options],
      { env: { ...process.env, ...variables }, stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'] },
    )
    let output = ''
    bench.stdout?.on('data', (text) => (output += text))
    const [code] = /** @type {[number | null]} */ (await once(bench, 'close'))
    return { code: code ?? 1, output }
  } finally {
    await Promise.all(running.map((one) => one.stop()))
    await rm(directory, { recursive: true, force: true })
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = (await benchCluster(process.argv.slice(2))).code
