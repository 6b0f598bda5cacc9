import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CommandFailed, exits } from '../../src/cli/terminal/exit.js'
import type { Task } from './child.js'

const entry = fileURLToPath(new URL('./child.js', import.meta.url))

export interface Running {
  /** The next line of its answer. */
  next<T>(): Promise<T>
  /** Ends its standard input. */
  finish(): void
  exited(): Promise<void>
}

export function start(task: Task, signal: AbortSignal): Running {
  const child: ChildProcess = spawn(process.execPath, [entry, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    signal,
  })
  const exit = once(child, 'exit') as Promise<[number | null]>
  exit.catch(() => undefined)
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  return {
    async next<T>() {
      const line = await lines.next()
      if (line.done === true) {
        const [code] = await exit
        throw new CommandFailed(
          exits.failed,
          `the measurement '${task.task}' ended early, with ${code === null ? 'a signal' : `exit code ${code}`}`,
        )
      }
      return JSON.parse(line.value) as T
    },
    finish: () => child.stdin?.end(),
    exited: async () => void (await exit),
  }
}

/** Runs a task to its end and gives its answer. */
export async function run<T>(task: Task, signal: AbortSignal): Promise<T> {
  const running = start(task, signal)
  const result = await running.next<T>()
  await running.exited()
  return result
}
