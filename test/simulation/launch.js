import { fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { breaks } from './breaks.js'
import { bundle } from './bundle.js'

/** @typedef {import('./simulate.js').Simulated} Simulated */

const usage = `npm run test:simulation -- [--seeds N] [--from M] [--large] [--break NAME] [--workers N] [--json]
npm run test:simulation -- --seed S [--without 3,17] [--trace FILE] [--break NAME]

Runs the engine's flows over simulated servers, 2,000 seeds or with --large 200,000, and checks the promise after each.
--break takes a protection out and looks for the first violation: ${Object.keys(breaks).join(', ')}
Ends with 0 where nothing was violated (with --break: where something was), else with 5.`

const sizes = { usual: 2_000, large: 200_000 }
/**
 * A worker has a core to itself, and most of what a seed makes is gone with it: 13 % less of the processor than by
 * default.
 */
const garbage = ['--single-threaded-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
/** Seeds that a worker is asked for at once. */
const share = 20
/**
 * Shares after which a worker makes way for a fresh one: engines that crashed leave some 40 KB a seed behind, which
 * only the end of their process frees.
 */
const sharesOfOne = 100

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    large: { type: 'boolean', default: false },
    break: { type: 'string' },
    workers: { type: 'string', default: '2' },
    without: { type: 'string', default: '' },
    trace: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/**
 * A worker process; calls follow one another.
 *
 * @param {string} file
 */
function startWorker(file) {
  const child = fork(file, [], {
    execArgv: ['--enable-source-maps', ...garbage],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  return {
    /** @param {import('./run.js').Asked} asked @returns {Promise<any>} */
    ask: (asked) =>
      new Promise((resolve, reject) => {
        const ended = () => reject(new Error(`the worker ended over ${JSON.stringify(asked)}`))
        child.once('exit', ended)
        child.once('message', (/** @type {any} */ answer) => {
          child.off('exit', ended)
          if (answer.failed !== undefined) reject(new Error(answer.failed))
          else resolve(answer)
        })
        child.send(asked)
      }),
    end: () => child.disconnect(),
  }
}

/** @param {string} file */
async function run(file) {
  const only = values.seed === undefined ? undefined : Number(values.seed)
  const first = only ?? Number(values.from)
  const count = only === undefined ? Number(values.seeds ?? (values.large ? sizes.large : sizes.usual)) : 1
  const without = values.without === '' ? [] : values.without.split(',').map(Number)
  const workers = Array.from({ length: Math.min(Number(values.workers), Math.ceil(count / share)) }, () =>
    startWorker(file),
  )
  /** @type {Record<string, number>} */
  const met = {}
  /** @type {Simulated[]} */
  const violated = []
  let [next, seeds, simulatedMs, steps, events, digest] = [first, 0, 0, 0, 0, '']
  const over = () => next >= first + count || (values.break !== undefined && violated.length > 0)
  await Promise.all(
    workers.map(async (_, lane) => {
      for (let shares = 1; !over(); shares++) {
        if (shares % sharesOfOne === 0) {
          workers[lane]?.end()
          workers[lane] = startWorker(file)
        }
        const mine = Array.from({ length: Math.min(share, first + count - next) }, (_, i) => next + i)
        next += mine.length
        /** @type {{ runs: Simulated[] }} */
        const { runs } = await /** @type {ReturnType<typeof startWorker>} */ (workers[lane]).ask({
          kind: 'run',
          seeds: mine,
          without,
          trace: values.trace,
        })
        for (const one of runs) {
          seeds++
          simulatedMs += one.simulatedMs
          steps += one.happened
          events += one.events
          digest = one.digest
          for (const [hazard, times] of Object.entries(one.counts)) met[hazard] = (met[hazard] ?? 0) + times
          if (one.violations.length > 0) violated.push(one)
        }
        if (!values.json && process.stderr.isTTY)
          process.stderr.write(`\r${seeds} of ${count} seeds, ${violated.length} with a violation`)
      }
    }),
  )
  violated.sort((a, b) => a.seed - b.seed)
  const worst = violated[0]
  /** @type {{ shortest: Simulated, without: number[] } | undefined} */
  const shrunk =
    worst === undefined || without.length > 0 || values.break !== undefined
      ? undefined
      : await workers[0]?.ask({ kind: 'shrink', seed: worst.seed })
  for (const { end } of workers) end()
  // In fewer seeds a hazard may be met too rarely to say anything of it.
  const rare = seeds < sizes.usual ? [] : Object.keys(met).filter((hazard) => (met[hazard] ?? 0) < 100)
  return {
    rare,
    seeds,
    events,
    simulatedHours: Math.round(simulatedMs / 36_000) / 100,
    steps,
    met,
    ...(only === undefined ? {} : { digest }),
    violated,
    shortest: shrunk?.shortest ?? worst,
    without: shrunk?.without ?? without,
  }
}

/** @param {Awaited<ReturnType<typeof run>>} outcome */
function tell({ rare, seeds, events, simulatedHours, steps, met, violated, shortest, without, digest }) {
  const lines = [
    `${seeds} seeds, ${events} acknowledged records, ${simulatedHours} simulated hours, ${steps} ` +
      `steps${digest === undefined ? '' : `, digest ${digest}`}`,
  ]
  lines.push(...Object.entries(met).map(([hazard, times]) => `  ${hazard.padEnd(28)}${times}`))
  if (rare.length > 0) lines.push(`met fewer than a hundred times: ${rare.join(', ')}`)
  if (shortest === undefined) lines.push(`no violation`)
  else {
    lines.push(
      `${violated.length} seeds violate something: ${violated
        .slice(0, 20)
        .map(({ seed }) => seed)
        .join(', ')}${violated.length > 20 ? ' ...' : ''}`,
    )
    lines.push(`seed ${shortest.seed}, the shortest history that was found:`)
    const startMs = Date.UTC(2026, 0, 5)
    lines.push(
      ...shortest.history.map(
        ({ atMs, hazard, detail }) => `  ${((atMs - startMs) / 1_000).toFixed(4).padStart(9)} s  ${hazard}: ${detail}`,
      ),
    )
    lines.push(...shortest.violations.slice(0, 10).map((violation) => `  violated: ${violation}`))
    const withoutFlag = without.length === 0 ? '' : ` --without ${without.join()}`
    const breakFlag = values.break === undefined ? '' : ` --break ${values.break}`
    lines.push(`again: npm run test:simulation -- --seed ${shortest.seed}${withoutFlag}${breakFlag}`)
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}

if (values.help) process.stdout.write(`${usage}\n`)
else {
  const file = await bundle(values.break)
  try {
    const outcome = await run(file)
    if (values.json) {
      const violated = outcome.violated.map(({ seed, violations }) => ({ seed, violations: violations.slice(0, 3) }))
      process.stdout.write(`${JSON.stringify({ ...outcome, violated })}\n`)
    } else tell(outcome)
    process.exitCode = outcome.violated.length > 0 === (values.break !== undefined) && outcome.rare.length === 0 ? 0 : 5
  } finally {
    await rm(file, { force: true })
  }
}
