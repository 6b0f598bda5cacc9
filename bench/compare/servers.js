import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clickhouse } from '../../scripts/services/clickhouse.js'
import { missing } from '../../scripts/services/cluster.js'
import { kafka } from '../../scripts/services/kafka.js'
import { redis } from '../../scripts/services/redis.js'

/**
 * What all runs share.
 * @typedef {object} Servers
 * @property {string} directory For what lasts no longer than the servers.
 * @property {string} broker `host:port`
 * @property {Readonly<Record<string, string>>} variables
 * @property {Readonly<Record<string, number>>} pids By name.
 */

/**
 * Runs `work` beside one broker, one Redis and ClickHouse's front, and stops them. @template T @param {(servers:
 * Servers) => Promise<T>} work
 */
export async function withServers(work) {
  const services = [kafka, redis, clickhouse]
  const lacking = missing(services)
  if (lacking.length > 0) throw new Error(lacking.join('\n'))
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-compare-'))
  /** @type {{ name: string, pid: number, variables: Readonly<Record<string, string>>, stop: () => Promise<void> }[]} */
  const running = []
  try {
    for (const service of services)
      running.push({ name: service.name, ...(await service.start({ directory: join(directory, service.name) })) })
    /** @type {Readonly<Record<string, string>>} */
    const variables = Object.assign({}, ...running.map((one) => one.variables))
    return await work({
      directory,
      broker: variables['TIDEMILL_KAFKA_BROKERS'] ?? '',
      variables,
      pids: Object.fromEntries(running.map(({ name, pid }) => [name, pid])),
    })
  } finally {
    await Promise.all(running.map((one) => one.stop()))
    await rm(directory, { recursive: true, force: true })
  }
}
