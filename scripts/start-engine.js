// An engine in a process of its own, started as a person starts it: by its program, wherever that lies.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * @typedef {object} StartedEngine
 * @property {string} url Where its API answers.
 * @property {() => string} output Both outputs, so far.
 * @property {(signal: NodeJS.Signals) => Promise<number | null>} end The exit code; null where the signal ended it.
 */

/**
 * Resolves when the engine has printed where it answers. Rejects with its output when it ends before.
 * Signals reach the command and what it started, as Ctrl-C does in a terminal.
 * @param {{ command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<StartedEngine>}
 */
export async function startEngine({ command, args, cwd, env }) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  for (const pipe of [child.stdout, child.stderr])
    pipe.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output += text))
  const ended = once(child, 'close')
  /** @type {string | undefined} */
  let url
  while ((url = /^Metrics +(http\S+)\/metrics/m.exec(output)?.[1]) === undefined) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the engine ended with ${child.exitCode ?? child.signalCode}: ${output}`)
    await Promise.race([ended, sleep(50)])
  }
  return {
    url,
    output: () => output,
    end: async (signal) => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal)
      const [code] = await ended
      return code
    },
  }
}

/**
 * Waits until the engine is ready and has scored so many events since its start.
 * @param {StartedEngine} engine @param {number} events @param {number} timeoutMs
 */
export async function scoredBy({ url, output }, events, timeoutMs) {
  const deadlineMs = Date.now() + timeoutMs
  for (;;) {
    const [ready, metrics] = await Promise.all([fetch(`${url}/readyz`), fetch(`${url}/metrics`)])
    const [checks, text] = [await ready.text(), await metrics.text()]
    const scored = [...text.matchAll(/^tidemill_events_total\{[^}]*\} (\d+)/gm)].reduce(
      (sum, [, count]) => sum + Number(count),
      0,
    )
    if (ready.status === 200 && scored >= events) return
    if (Date.now() > deadlineMs)
      throw new Error(`after ${timeoutMs} ms: ${scored} events, /readyz ${ready.status} ${checks}\n${output()}`)
    await sleep(100)
  }
}
