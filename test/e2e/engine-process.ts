import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.js'
import { packagePath } from '../../src/config.js'

/** `tidemill start`, as a process of its own. It ends with the test at the latest. */
export interface EngineProcess {
  readonly url: string
  /** Events of all its streams, since its start. */
  scored(): Promise<number>
  /** Resolves with the exit code when the process is gone; null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>
  /** Both outputs, so far. */
  said(): string
}

/** The program as it is installed; `npm test` builds it first. */
const program = packagePath('dist/cli/launch.cjs')

/** Resolves when it answers. `settings` are those of a configuration file, which comes to lie in `directory`. */
export async function engineProcess(variables: Readonly<Record<string, string>>, directory: string, settings: object): Promise<EngineProcess> {
  await mkdir(directory, { recursive: true })
  const config = join(directory, 'tidemill.json')
  await writeFile(config, JSON.stringify({ dataDirectory: join(directory, 'data'), api: { port: 0 }, ...settings }))
  const child = spawn(process.execPath, [program, 'start', '--config', config], { env: { PATH: process.env['PATH'], ...variables }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = once(child, 'exit') as Promise<[number | null]>
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal)
    return (await ended)[0]
  }
  onTestFinished(() => end('SIGKILL').then(() => undefined))
  let url: string | undefined
  while ((url = /^Metrics +(http\S+)\/metrics/m.exec(said)?.[1]) === undefined) {
    if (child.exitCode !== null) throw new Error(`the engine ended with ${child.exitCode}: ${said}`)
    await systemClock.sleep(50)
  }
  const at = url
  return { url: at, scored: () => scoredAt(at), end, said: () => said }
}

/** Events that the process at a URL has scored. */
export async function scoredAt(url: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return [...metrics.matchAll(/^tidemill_events_total\{[^}]*\} (\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
}
