// Servers for tests in containers instead of processes, where TIDEMILL_TEST_SERVERS=testcontainers says so and a Docker
// engine answers. How to build images without a registry: docs/docker.md

/** Images by server; the ones that docker/compose.yaml runs, unless TIDEMILL_TEST_IMAGE_REDIS names another. */
const redisImage = process.env['TIDEMILL_TEST_IMAGE_REDIS'] ?? 'redis:7.4.2-bookworm'

/** Where tests get their servers: 'local' processes, or 'testcontainers'. */
export const chosen = process.env['TIDEMILL_TEST_SERVERS'] ?? 'local'
if (chosen !== 'local' && chosen !== 'testcontainers') throw new Error(`TIDEMILL_TEST_SERVERS is '${chosen}': it is local or testcontainers`)

/**
 * Redis at a port of this machine, its data in `directory`.
 * @param {{ directory: string, port: number, args: readonly string[] }} options
 * @returns {Promise<{ pid: number, stop: (signal?: NodeJS.Signals) => Promise<void> }>}
 */
export async function startRedisContainer({ directory, port, args }) {
  // Loaded where it is used: it takes a second.
  const [{ RedisContainer }, { getContainerRuntimeClient }] = await Promise.all([import('@testcontainers/redis'), import('testcontainers')])
  const container = await new RedisContainer(redisImage)
    .withExposedPorts({ container: port, host: port })
    .withBindMounts([{ source: directory, target: '/data', mode: 'rw' }])
    .withCommand(['redis-server', '--port', String(port), '--dir', '/data', '--protected-mode', 'no', ...args])
    .start()
  const client = await getContainerRuntimeClient()
  const { State } = await client.container.getById(container.getId()).inspect()
  return {
    pid: State.Pid,
    async stop(signal = 'SIGTERM') {
      if (signal === 'SIGKILL') await client.container.getById(container.getId()).kill({ signal })
      await container.stop({ timeout: 10_000 })
    },
  }
}
