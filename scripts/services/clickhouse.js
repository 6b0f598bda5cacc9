// ClickHouse for tests: clickhouse-front.js over chDB, because Debian and npm have no ClickHouse server; or a
// container.
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chosen, startClickHouseContainer } from './containers.js'
import { freePort, listens, startProcess } from './start-process.js'

/** @typedef {import('./start-process.js').Running} Running */

/**
 * What a front may be told besides where to lie.
 * @typedef {object} FrontOptions
 * @property {string} directory
 * @property {readonly number[]} [ports] Of the HTTP interface and of the control port.
 * @property {string} [user]
 * @property {string} [password]
 * @property {{ cert: string, key: string, ca?: string }} [tls] Paths of PEM files; with `ca` a client needs a
 *   certificate.
 */

/** @typedef {readonly { sql: string, settings: Readonly<Record<string, string>>, bytes: number }[]} Asked */

/**
 * A front that runs, and the way to make it sick.
 * @typedef {object} Front
 * @property {readonly number[]} ports
 * @property {string} url
 * @property {(...faults: readonly import('./clickhouse-front.js').Fault[]) => Promise<void>} sicken Adds faults.
 * @property {() => Promise<void>} heal Takes all faults back, and forgets what was asked.
 * @property {() => Promise<Asked>} asked The statements since the last `heal`.
 */

/**
 * A front, whatever servers were chosen: no server can be told to be sick.
 * @param {FrontOptions} options @returns {Promise<Running & Front>}
 */
export async function startFront(options) {
  const ports = options.ports ?? [await freePort(), await freePort()]
  const [port, controlPort] = /** @type {[number, number]} */ (ports)
  await mkdir(options.directory, { recursive: true })
  const { pid, stop } = await startProcess({
    name: 'clickhouse',
    command: process.execPath,
    args: [fileURLToPath(new URL('clickhouse-front.js', import.meta.url))],
    directory: options.directory,
    env: { FRONT_OPTIONS: JSON.stringify({ ...options, ports }) },
    ready: async () => (await listens(port)) && (await listens(controlPort)),
  })
  /** @param {string} method @param {object} [body] @returns {Promise<Asked>} */
  const control = async (method, body) =>
    /** @type {Promise<Asked>} */ (
      (
        await fetch(`http://127.0.0.1:${controlPort}/`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        })
      ).json()
    )
  const url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  return {
    pid,
    stop,
    ports,
    url,
    variables: variables(url, options),
    sicken: async (...faults) => {
      for (const fault of faults) await control('POST', fault)
    },
    heal: () => control('DELETE').then(() => undefined),
    asked: () => control('GET'),
  }
}

/** @param {string} url @param {{ user?: string, password?: string }} login */
const variables = (url, { user = 'default', password = '' }) => ({
  TIDEMILL_CLICKHOUSE_URL: url,
  TIDEMILL_CLICKHOUSE_USERNAME: user,
  TIDEMILL_CLICKHOUSE_PASSWORD: password,
})

const containerLogin = { user: 'tidemill', password: 'only-for-tests' }

export const clickhouse = {
  name: 'clickhouse',

  /** @returns {string | undefined} */
  missing: () => {
    if (chosen === 'testcontainers') return undefined
    try {
      import.meta.resolve('chdb')
      return undefined
    } catch {
      return 'the package chdb is not installed: run npm ci (it has binaries for Linux and macOS)'
    }
  },

  /** @param {{ directory: string }} options @returns {Promise<Running & { url: string, ports: readonly number[] }>} */
  async start({ directory }) {
    if (chosen === 'local') return startFront({ directory })
    const server = await startClickHouseContainer(containerLogin)
    return { ...server, ports: [], variables: variables(server.url, containerLogin) }
  },
}
