import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { bundle } from '../bundle.js'
import { breaks } from './breaks.js'

const usage = `npm run test:fuzz -- [--records N] [--seed S] [--break NAME] [--json]

Scores N records (1,000,000 by default), half of them good and half with mutated bytes, values, keys, headers and
timestamps. Checks that each record has exactly one result, that good events are scored as they are without the others,
that the flow does not end, and that the memory is flat. The records follow from the seed.
--break takes a protection out: ${Object.keys(breaks).join(', ')}
Ends with 0 where nothing was violated (with --break: where something was), else with 5.`

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    break: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** The memory may grow by this share from the second to the last quarter of the records. */
const mostGrowth = 0.1

/**
 * @param {string} file
 * @returns {Promise<import('./run.js').Outcome>}
 */
async function run(file) {
  const args = ['--enable-source-maps', '--expose-gc', file, '--records', values.records, '--seed', values.seed]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [answer, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code === 0) return JSON.parse(answer)
  return {
    seed: Number(values.seed),
    records: 0,
    scoredGood: 0,
    results: {},
    heapBytes: /** @type {const} */ ([0, 0]),
    violations: [`the process ended with ${code}`],
  }
}

/** @param {import('./run.js').Outcome} outcome */
function checked({ violations, heapBytes: [early, late], ...outcome }) {
  const grown = late > early * (1 + mostGrowth)
  return {
    ...outcome,
    heapBytes: [early, late],
    violations: grown ? [...violations, `the heap grew from ${early} to ${late} bytes`] : violations,
  }
}

/** @param {ReturnType<typeof checked>} outcome */
function print({ seed, records, scoredGood, results, heapBytes: [early, late], violations }) {
  const mib = (/** @type {number | undefined} */ bytes) => `${Math.round((bytes ?? 0) / 1_048_576)} MiB`
  const lines = [
    `seed ${seed}: ${records} records, ${scoredGood} good ones scored, heap ${mib(early)} to ${mib(late)}`,
    ...Object.entries(results).map(([result, times]) => `  ${result.padEnd(36)}${times}`),
    ...(violations.length === 0 ? ['no violation'] : violations.map((violation) => `violated: ${violation}`)),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

if (values.help) process.stdout.write(`${usage}\n`)
else {
  const taken = values.break === undefined ? undefined : breaks[values.break]
  if (values.break !== undefined && taken === undefined) throw new Error(`there is no protection '${values.break}'`)
  const file = await bundle(join(import.meta.dirname, 'run.ts'), `fuzz-${values.break ?? 'whole'}`, taken?.edits)
  try {
    const outcome = checked(await run(file))
    if (values.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
    else print(outcome)
    process.exitCode = outcome.violations.length > 0 === (values.break !== undefined) ? 0 : 5
  } finally {
    await rm(file, { force: true })
  }
}
