import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.js'
import { packagePath } from '../../src/config/load.js'

/** `tidemill start`, as a process of its own. Whoever launches it ends it. */
export interface LaunchedEngine {
  readonly pid: number
  /** Where its API or its metrics answer. */
  readonly url: string
  /** Events of all its streams, since its start. */
  scored(): Promise<number>
  /** Sends a signal and waits for nothing. */
  send(signal: NodeJS.Signals): void
  /** Resolves with the exit code when the process is gone; null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>
  /** Resolves like `end` when the process is gone, whoever ended it. */
  readonly ended: Promise<number | null>
  /** Both outputs, so far. */
  said(): string
}

/** The program as it is installed; `npm test` builds it first. */
const program = packagePath('dist/cli/launch.cjs')

/**
 * Resolves when it answers, rejects with what it said when it ends before. `settings` are those of a configuration
 * file, which comes to lie in `directory`. `spawned` is told at once how to end it, so that nobody loses a process that
 * never answers.
 */
export async function launchEngine(
  variables: Readonly<Record<string, string>>,
  directory: string,
  settings: object,
  spawned?: (end: LaunchedEngine['end']) => void,
): Promise<LaunchedEngine> {
  await mkdir(directory, { recursive: true })
  const config = join(directory, 'tidemill.json')
  await writeFile(config, JSON.stringify({ dataDirectory: join(directory, 'data'), api: { port: 0 }, ...settings }))
  const child = spawn(process.execPath, [program, 'start', '--config', config], {
    env: { PATH: process.env['PATH'], ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = (once(child, 'exit') as Promise<[number | null]>).then(([code]) => code)
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal)
    return ended
  }
  spawned?.(end)
  let url: string | undefined
  while ((url = /^Metrics +(http\S+)\/metrics/m.exec(said)?.[1]) === undefined) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the engine ended with ${child.exitCode ?? child.signalCode ?? ''}: ${said}`)
    await systemClock.sleep(50)
  }
  const at = url
  return {
    pid: child.pid!,
    url: at,
    scored: () => scoredAt(at),
    send: (signal) => void child.kill(signal),
    end,
    ended,
    said: () => said,
  }
}

/** Events that the process at a URL has scored. */
export async function scoredAt(url: string): Promise<number> {
  // No connection is kept: the process at its other end may have been killed or have stood still.
  const metrics = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text()
  return [...metrics.matchAll(/^tidemill_events_total\{[^}]*\} (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}
