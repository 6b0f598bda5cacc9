// Processes that are measured from outside, so that every engine is measured in the same way (Linux).
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Linux counts a process' time in ticks of 10 ms. */
const ticksPerSecond = 100

/**
 * User and system time of a process with all its threads; fields 14 and 15 of its stat, whose second may hold spaces.
 * @param {string} stat
 */
export function cpuSecondsIn(stat) {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** @param {number} pid */
export const cpuSecondsOf = (pid) => cpuSecondsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'))

/** The most memory that a process ever had. @param {number} pid */
export const peakMemoryMiBOf = (pid) =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024

/**
 * CPU seconds of several processes, by name. @param {Readonly<Record<string, number>>} pids @returns {Record<string,
 * number>}
 */
export const cpuOf = (pids) => Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuSecondsOf(pid)]))

/**
 * An engine that runs.
 * @typedef {object} Started
 * @property {number} pid
 * @property {() => void} check Throws, with the end of what it said, where it runs no more.
 * @property {() => Promise<void>} stop
 */

const patienceMs = 20_000

/** @param {import('./engine.js').Program} program @param {string} log @returns {Promise<Started>} */
export async function startProgram({ command, args, env }, log) {
  const output = await open(log, 'w')
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', output.fd, output.fd] })
  const exited = once(child, 'exit')
  exited.catch(() => undefined)
  await once(child, 'spawn').finally(() => output.close())
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  return {
    pid: /** @type {number} */ (child.pid),
    check() {
      if (isOver()) throw new Error(`${command} ended early:\n${readFileSync(log, 'utf8').slice(-2_000)}`)
    },
    async stop() {
      if (!isOver()) child.kill('SIGTERM')
      const late = new AbortController()
      void sleep(patienceMs, undefined, { signal: late.signal }).then(
        () => child.kill('SIGKILL'),
        () => undefined,
      )
      await exited
      late.abort()
    },
  }
}
