// What every server for tests and benches has in common: it runs without Docker, on free ports, in a directory of its
// own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * A server that runs.
 * @typedef {object} Running
 * @property {Readonly<Record<string, string>>} variables Where it is, as environment variables of `tidemill`.
 * @property {number} pid
 * @property {(signal?: NodeJS.Signals) => Promise<void>} stop Resolves when the process is gone; SIGTERM where no
 *   signal is given.
 */

/**
 * A kind of server. Starting one again in the same directory with the same `ports` is a restart: it finds its data.
 * @typedef {object} Service
 * @property {string} name
 * @property {() => string | undefined} missing What this machine lacks for it, in a sentence that says how to get it.
 * @property {(options: { directory: string, ports?: readonly number[] }) => Promise<Running & { ports: readonly
 *   number[] }>} start Resolves when it answers.
 */

/** A port that nobody listens on. @returns {Promise<number>} */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/** Where a program of this name is, or undefined. @param {string} program */
export const which = (program) =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(existsSync)

/** Whether something accepts connections. @param {number} port @returns {Promise<boolean>} */
export const listens = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => (socket.destroy(), resolve(true)))
    socket.once('error', () => resolve(false))
  })

/**
 * Starts a program, its output in `<directory>/<name>.log`, and waits until `ready` says so.
 * @param {{ name: string, command: string, args: readonly string[], directory: string, env?: Record<string, string>,
 *   ready: () => Promise<boolean>, patienceMs?: number }} options
 */
export async function startProcess({ name, command, args, directory, env, ready, patienceMs = 60_000 }) {
  const log = join(directory, `${name}.log`)
  const output = createWriteStream(log, { flags: 'a' })
  await once(output, 'open')
  const child = spawn(command, args, {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
  })
  output.close()
  const exited = once(child, 'exit')
  exited.catch(() => undefined)
  /** @param {NodeJS.Signals} signal */
  const stop = async (signal = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
  }
  for (const deadlineMs = Date.now() + patienceMs; !(await ready()); await sleep(100)) {
    const over = child.exitCode !== null || child.signalCode !== null
    if (!over && Date.now() < deadlineMs) continue
    await stop('SIGKILL')
    throw new Error(
      `${name} ${over ? 'ended' : 'was not ready in time'}. The end of ` +
        `${log}:\n${(await readFile(log, 'utf8')).slice(-2_000)}`,
    )
  }
  return { pid: /** @type {number} */ (child.pid), stop }
}
