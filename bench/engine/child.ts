/**
 * A measurement in a process of its own, so that its CPU and memory are its own: one task as JSON in argv, one JSON
 * line as its answer on stdout. A served engine says where it is first and ends when its stdin does.
 */
import { once } from 'node:events'
import { letHeapGrow } from '../../src/cli/start/heap.js'
import { runBacklog } from './backlog.js'
import { driveEvents, drivePredictions, startServed, type Drive } from './latency.js'
import { driveLog } from './log-driver.js'
import { fillLog, type BenchPlace, type Encoding } from './setup.js'
import type { Target } from './driver.js'

export type Task =
  | { readonly task: 'fill'; readonly where: BenchPlace; readonly encoding: Encoding; readonly events: number }
  | { readonly task: 'backlog'; readonly where: BenchPlace; readonly events: number }
  | { readonly task: 'serve'; readonly where: BenchPlace }
  | ({ readonly task: 'drive-log'; readonly where: BenchPlace } & Drive)
  | ({ readonly task: 'drive-events' | 'drive-predictions'; readonly target: Target } & Drive)

const answer = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

async function work(task: Task): Promise<void> {
  // As `start` does; and the driver's own collections are to hold nobody up.
  letHeapGrow()
  switch (task.task) {
    case 'fill':
      await fillLog(task.where, task.encoding, task.events)
      return answer({})
    case 'backlog':
      return answer(await runBacklog(task.where, task.events))
    case 'serve': {
      const served = await startServed(task.where)
      answer(served.target)
      process.stdin.resume()
      await once(process.stdin, 'end')
      return answer(await served.finish())
    }
    case 'drive-log':
      return answer(await driveLog(task.where, task))
    case 'drive-events':
      return answer(await driveEvents(task.target, task))
    case 'drive-predictions':
      return answer(await drivePredictions(task.target, task))
  }
}

await work(JSON.parse(process.argv[2] ?? '{}') as Task)
