import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { systemClock as clock } from '../../src/base/clock.js'
import { faults } from './all.js'
import type { Outcome } from './fault.js'
import { programPath } from './programs.js'
import { brokenBy, type Row } from './row.js'

/** Ten minutes at full speed are four million records, each with what is expected, seen and published of it. */
const ledgerHeap = '--max-old-space-size=12288'

export interface Finished {
  readonly row: Row
  readonly outcome: Outcome
  readonly elapsedMs: number
}

/** Runs faults, so many at once, each in a process group of its own, and tells of each when it is over. */
export async function runInLanes(
  rows: readonly Row[],
  lanes: number,
  over: (finished: Finished) => void,
): Promise<readonly Finished[]> {
  const waiting = [...rows]
  const finished: Finished[] = []
  const groups = new Set<number>()
  const endAll = (): void => groups.forEach(endGroup)
  const interrupted = (): void => {
    endAll()
    process.exit(130)
  }
  process.on('exit', endAll)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupted)
  const lane = async (): Promise<void> => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      const startedMs = clock.nowMs()
      const outcome = await inProcess(row, groups)
      const one = { row, outcome, elapsedMs: clock.nowMs() - startedMs }
      finished.push(one)
      over(one)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return finished
}

/** Whatever a fault started belongs to its group and ends with it, also where the fault itself was ended. */
function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}

async function inProcess(row: Row, groups: Set<number>): Promise<Outcome> {
  const child = spawn(
    process.execPath,
    [...(row.size === 'large' ? [ledgerHeap] : []), programPath('run'), '--row', JSON.stringify(row)],
    { detached: true, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...brokenBy(row.without) } },
  )
  const group = child.pid!
  groups.add(group)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const patienceMs = faults.find(({ name }) => name === row.fault)!.patienceMs[row.size]
  const enough = new AbortController()
  const late = clock.sleep(patienceMs, enough.signal).then(() => endGroup(group))
  await once(child, 'close')
  const isLate = !enough.signal.aborted && child.signalCode === 'SIGKILL'
  enough.abort()
  await late
  groups.delete(group)
  const last = said.trimEnd().split('\n').at(-1) ?? ''
  if (last.startsWith('{')) return JSON.parse(last) as Outcome
  return {
    figures: {},
    violations: [
      isLate
        ? `it was not over after ${patienceMs / 1_000} s`
        : `it ended with ${child.exitCode ?? child.signalCode ?? 'nothing'} and without an outcome`,
    ],
  }
}
