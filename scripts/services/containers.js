// Servers for tests in containers instead of processes, where TEST_SERVERS=testcontainers says so and a Docker
// engine answers. How to build images without a registry: docs/docker.md
import { chmod, mkdir, readFile } from 'node:fs/promises'

/**
 * Images by server, unless TEST_IMAGE_KAFKA and so on name others. Those of Kafka are Confluent's, as testcontainers
 * wants.
 */
const images = {
  KAFKA: 'confluentinc/cp-kafka:8.1.0',
  REDIS: 'redis:7.4.2-bookworm',
  CLICKHOUSE: 'clickhouse/clickhouse-server:26.7',
}
const imageOf = (/** @type {keyof typeof images} */ server) => process.env[`TEST_IMAGE_${server}`] ?? images[server]

/** Where tests get their servers: 'local' processes, or 'testcontainers'. */
export const chosen = process.env['TEST_SERVERS'] ?? 'local'
if (chosen !== 'local' && chosen !== 'testcontainers')
  throw new Error(`TEST_SERVERS is '${chosen}': it is local or testcontainers`)

/** @typedef {{ pid: number, stop: (signal?: NodeJS.Signals) => Promise<void> }} Contained */

/**
 * The server in a container, as this machine sees its process, and how it ends. @param
 * {import('testcontainers').StartedTestContainer} container @param {string} program @returns {Promise<Contained>}
 */
async function contained(container, program) {
  const { getContainerRuntimeClient } = await import('testcontainers')
  const inEngine = (await getContainerRuntimeClient()).container.getById(container.getId())
  /** @type {{ Titles: string[], Processes: string[][] }} A shell may have started it. */
  const { Titles, Processes } = await inEngine.top()
  const found = Processes.find((one) => new RegExp(`^\\S*${program}\\b`).test(one[Titles.indexOf('CMD')] ?? ''))
  if (found === undefined) throw new Error(`no ${program} runs in container ${container.getName()}`)
  return {
    pid: Number(found[Titles.indexOf('PID')]),
    async stop(signal = 'SIGTERM') {
      // What is gone already is killed no more.
      if (signal === 'SIGKILL') await inEngine.kill({ signal }).catch(() => undefined)
      await container.stop({ timeout: 10_000 })
    },
  }
}

/** A folder that whoever runs in the container may write. @param {string} source @param {string} target */
async function mount(source, target) {
  await mkdir(source, { recursive: true })
  await chmod(source, 0o777)
  return { source, target, mode: /** @type {const} */ ('rw') }
}

/**
 * Redis at a port of this machine, its data in `directory`.
 * @param {{ directory: string, port: number, args: readonly string[] }} options
 */
export async function startRedisContainer({ directory, port, args }) {
  // Loaded where it is used, as the others: it takes a second.
  const { RedisContainer } = await import('@testcontainers/redis')
  const container = new RedisContainer(imageOf('REDIS'))
    .withExposedPorts({ container: port, host: port })
    .withBindMounts([await mount(directory, '/data')])
    .withCommand(['redis-server', '--port', String(port), '--dir', '/data', '--protected-mode', 'no', ...args])
  return contained(await container.start(), 'redis-server')
}

/** The port at which testcontainers' Kafka speaks to those outside of its network. */
const kafkaPort = 9093

/**
 * One Kafka node in KRaft mode at a port of this machine, its data in `directory`.
 * @param {{ directory: string, port: number, settings: Readonly<Record<string, string>> }} options Settings as in
 *   `server.properties`.
 */
export async function startKafkaContainer({ directory, port, settings }) {
  const { KafkaContainer } = await import('@testcontainers/kafka')
  const environment = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`KAFKA_${name.replaceAll('.', '_').toUpperCase()}`, value]),
  )
  /**
   * Asks for its own port again and again, anywhere on this machine; a broker that is started again must be where it
   * was.
   */
  class AtPort extends KafkaContainer {
    /** @override @param {import('testcontainers').PortWithOptionalBinding[]} ports */
    withExposedPorts(...ports) {
      return super.withExposedPorts(
        ...ports.map((one) => (one === kafkaPort ? { container: kafkaPort, host: port } : one)),
      )
    }
  }
  const container = new AtPort(imageOf('KAFKA'))
    .withKraft()
    .withBindMounts([await mount(directory, '/var/lib/kafka/data')])
    .withEnvironment({ ...environment, KAFKA_LOG_DIRS: '/var/lib/kafka/data', KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m' })
  return contained(await container.start(), 'java')
}

/** The files that a process of this machine may have open at most. */
const filesAtMost = async () =>
  Number(
    /^Max open files +\d+ +(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8').catch(() => ''))?.[1] ?? Infinity,
  )

/**
 * A ClickHouse server; its data goes with it.
 * @param {{ user: string, password: string }} login
 * @returns {Promise<Contained & { url: string }>}
 */
export async function startClickHouseContainer({ user, password }) {
  const { ClickHouseContainer } = await import('@testcontainers/clickhouse')
  const most = await filesAtMost()
  /** Asks for many open files; not every machine lets a container have more than itself. */
  class Allowed extends ClickHouseContainer {
    /** @override @param {import('testcontainers/build/types.js').Ulimits} ulimits */
    withUlimits(ulimits) {
      return super.withUlimits(
        Object.fromEntries(
          Object.entries(ulimits).map(([name, { hard = most, soft = most }]) => [
            name,
            { hard: Math.min(hard, most), soft: Math.min(soft, most) },
          ]),
        ),
      )
    }
  }
  const container = await new Allowed(imageOf('CLICKHOUSE'))
    .withUsername(user)
    .withPassword(password)
    .withDatabase('default')
    .start()
  return { ...(await contained(container, '(clickhouse|clickhouse-server|node)')), url: container.getHttpUrl() }
}
