// Redis for tests and benches: one server, or a cluster of three masters without replicas.
import { readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { chosen, startRedisContainer } from './containers.js'
import { freePort, listens, startProcess, which } from './start-process.js'

/** @typedef {import('./start-process.js').Service} Service */

const missingProgram = () =>
  which('redis-server') === undefined
    ? "redis-server is not on PATH: `apt-get install redis-server` (Debian, Ubuntu), or your system's Redis " +
      '6.2 or newer (7.0 for a cluster)'
    : undefined

/** With containers a machine lacks nothing that the container engine does not name itself. */
const missing = () => (chosen === 'testcontainers' ? undefined : missingProgram())

/** As state needs it: every write in the append-only file, nothing evicted. */
const durable = ['--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction']

/**
 * A server that speaks TLS alone and knows one user, who may do everything.
 * @typedef {object} Secure
 * @property {string} cert PEM file, as the next two.
 * @property {string} key
 * @property {string} ca
 * @property {string} username
 * @property {string} password
 */

/** @param {Secure} secure @param {number} port */
const secureArgs = ({ cert, key, ca, username, password }, port) => [
  ...[
    '--port',
    '0',
    '--tls-port',
    String(port),
    '--tls-cert-file',
    cert,
    '--tls-key-file',
    key,
    '--tls-ca-cert-file',
    ca,
    '--tls-auth-clients',
    'no',
  ],
  ...['--user', 'default', 'off', '--user', username, 'on', `>${password}`, '~*', '&*', '+@all'],
]

/** @param {string} directory @param {number} port @param {readonly string[]} [more] @param {Secure} [secure] */
async function startServer(directory, port, more = [], secure) {
  await mkdir(directory, { recursive: true })
  const args = [
    ...(secure === undefined ? ['--port', String(port)] : secureArgs(secure, port)),
    '--bind',
    '127.0.0.1',
    '--dir',
    directory,
    ...durable,
    ...more,
  ]
  return startProcess({
    name: 'redis',
    command: 'redis-server',
    args,
    directory,
    ready: async () => (await listens(port)) && (await asked(port, (server) => server.ping(), secure)) === 'PONG',
  })
}

/**
 * What a server answers; undefined where it does not, as while it loads its data. @template T @param {number} port
 * @param {(server: Redis) => Promise<T>} question @param {Secure} [secure]
 */
async function asked(port, question, secure) {
  const login = secure && { username: secure.username, password: secure.password, tls: { ca: readFileSync(secure.ca) } }
  const server = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    ...login,
  })
  server.on('error', () => undefined)
  try {
    await server.connect()
    return await question(server)
  } catch {
    return undefined
  } finally {
    server.disconnect()
  }
}

/** @param {readonly number[]} ports */
const variables = (ports) => ({ TIDEMILL_REDIS_NODES: ports.map((port) => `127.0.0.1:${port}`).join(',') })

export const redis = {
  name: 'redis',
  missing,
  /** @param {{ directory: string, ports?: readonly number[], secure?: Secure }} options */
  start: async ({ directory, ports: [port = 0] = [], secure }) => {
    port ||= await freePort()
    // The files of a secure one are this machine's, so it is a process of this machine.
    const server =
      chosen === 'testcontainers' && secure === undefined
        ? await startRedisContainer({ directory, port, args: durable })
        : await startServer(directory, port, [], secure)
    return { ...server, ports: [port], variables: variables([port]) }
  },
}

const slots = 16_384
const masters = 3

/** Ports: those of the masters, then those of the bus between them. @type {Service} */
export const redisCluster = {
  name: 'redis-cluster',
  missing: missingProgram,
  start: async ({ directory, ports = [] }) => {
    const all = ports.length > 0 ? ports : await Promise.all(Array.from({ length: masters * 2 }, freePort))
    const [nodes, buses] = [all.slice(0, masters), all.slice(masters)]
    const servers = await Promise.all(
      nodes.map((port, i) =>
        startServer(join(directory, `node-${i + 1}`), port, [
          '--cluster-enabled',
          'yes',
          '--cluster-port',
          String(buses[i]),
        ]),
      ),
    )
    const stop = async (/** @type {NodeJS.Signals | undefined} */ signal) =>
      void (await Promise.all(servers.map((server) => server.stop(signal))))
    try {
      await gather(nodes, buses)
    } catch (error) {
      await stop('SIGKILL')
      throw error
    }
    return { pid: /** @type {typeof servers[0]} */ (servers[0]).pid, stop, ports: all, variables: variables(nodes) }
  },
}

/**
 * Deals the slots out and makes the nodes meet, where they have not before, and waits until all agree. @param {readonly
 * number[]} nodes @param {readonly number[]} buses
 */
async function gather(nodes, buses) {
  const infos = () => Promise.all(nodes.map((port) => asked(port, (server) => server.cluster('INFO'))))
  if ((await infos()).some((info) => /cluster_slots_assigned:0/.test(String(info))))
    for (const [i, port] of nodes.entries())
      await asked(port, async (server) => {
        await server.call(
          'CLUSTER',
          'ADDSLOTSRANGE',
          Math.floor((slots * i) / masters),
          Math.floor((slots * (i + 1)) / masters) - 1,
        )
        await server.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
        if (i > 0) await server.call('CLUSTER', 'MEET', '127.0.0.1', String(nodes[0]), String(buses[0]))
      })
  const agreed = (/** @type {unknown} */ info) =>
    /cluster_state:ok/.test(String(info)) &&
    new RegExp(`cluster_known_nodes:${masters}`).test(String(info)) &&
    new RegExp(`cluster_slots_ok:${slots}`).test(String(info))
  for (const deadlineMs = Date.now() + 60_000; !(await infos()).every(agreed); await sleep(100))
    if (Date.now() > deadlineMs) throw new Error(`the Redis cluster at ports ${nodes.join(', ')} did not come together`)
}
