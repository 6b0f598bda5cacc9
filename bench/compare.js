/**
 * npm run bench:compare -- [--json]: Tidemill and other engines on the same topic of the same broker, one after the
 * other, with the same driver and the same measures. See bench/README.md.
 */
import { existsSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { mediansOf, ratiosOf } from './compare/figures.js'
import { peersIn } from './compare/peers.js'
import { measurements, missingSteps, rowsIn, stepsOf } from './compare/plan.js'
import { runSteps } from './compare/run.js'
import { tidemills } from './compare/tidemill.js'

// The driver's own collections of garbage held events of every engine up for 50 ms, every six seconds.
setFlagsFromString('--heap-growing-percent=1000')

const { workload } = await import(new URL('../dist/bench/workload.js', import.meta.url).href)

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    events: { type: 'string', default: String(workload.events) },
    warmup: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '30' },
    linger: { type: 'string', default: '1' },
    peers: { type: 'string', default: fileURLToPath(new URL('../../shared/peers', import.meta.url)) },
    results: { type: 'string' },
    within: { type: 'string', default: 'Infinity' },
  },
})
const say = (/** @type {string} */ line) => void process.stderr.write(`${line}\n`)
const events = Number(options.events)

const hasPeers = existsSync(options.peers)
if (!hasPeers)
  say(
    `NO PEERS: ${options.peers} is not there, so Tidemill runs alone and nothing is compared. Name the ` +
      'folder with --peers.',
  )
const names = options.only.split(',').filter((name) => name !== '')
const steps = stepsOf([...tidemills, ...(hasPeers ? peersIn(options.peers) : [])], Number(options.runs), names)

const rows = await rowsIn(options.results)
const todo = missingSteps(steps, rows)
const how = {
  events,
  warmSeconds: Number(options.warmup),
  seconds: Number(options.seconds),
  lingerMs: Number(options.linger),
  deadlineMs: Date.now() + Number(options.within) * 1_000,
  say,
}
if (todo.length > 0)
  await runSteps(todo, how, async (row) => {
    rows.push(row)
    if (options.results !== undefined) await appendFile(options.results, `${JSON.stringify(row)}\n`)
  })

const left = missingSteps(steps, rows)
if (left.length > 0)
  say(`${left.length} of ${steps.length} runs are left: the same command, with its --results, goes on with them.`)

const medians = mediansOf(rows)
const ratios = Object.fromEntries(
  Object.entries(medians).map(([measurement, byEngine]) => [measurement, ratiosOf(byEngine)]),
)
const throughput = (/** @type {string} */ peer) => ratios['backlog']?.[peer]?.['eventsPerSecond'] ?? null
if (options.json) {
  const summary = {
    ratio_to_kafka_streams: throughput('kafka-streams'),
    ratio_to_quix: throughput('quix'),
    peers: hasPeers ? 'compared' : 'missing',
    options: { ...how, deadlineMs: undefined },
    medians,
    ratios,
    runs: rows,
  }
  process.stdout.write(`${JSON.stringify(summary, undefined, 1)}\n`)
} else {
  for (const { name } of measurements)
    if (medians[name] !== undefined)
      process.stdout.write(
        `\n${name}, medians\n${table(medians[name])}\n\n${name}, tidemill divided by\n${table(ratios[name] ?? {})}\n`,
      )
}

const wrong = rows.filter(
  ({ figures: { distinct, scoreSum } }) =>
    scoreSum !== undefined &&
    (distinct !== events ||
      (events === workload.events && Math.abs(scoreSum - workload.scoreSum) > workload.scoreSumTolerance)),
)
for (const { engine, run, figures } of wrong)
  say(
    `WRONG: ${engine}, run ${run}: ${figures['distinct']} events, score sum ${figures['scoreSum']} instead ` +
      `of ${workload.scoreSum}`,
  )
if (wrong.length > 0) process.exitCode = 5

/** @param {import('./compare/figures.js').ByEngine} byEngine */
function table(byEngine) {
  const engines = Object.keys(byEngine)
  const figures = [...new Set(engines.flatMap((engine) => Object.keys(byEngine[engine] ?? {})))]
  const shown = (/** @type {number | undefined} */ value) =>
    (value === undefined
      ? '-'
      : Math.abs(value) >= 1_000
        ? Math.round(value).toLocaleString('en-US')
        : value.toFixed(2)
    ).padStart(20)
  return [
    `${''.padEnd(18)}${engines.map((engine) => engine.padStart(20)).join('')}`,
    ...figures.map(
      (figure) => `${figure.padEnd(18)}${engines.map((engine) => shown(byEngine[engine]?.[figure])).join('')}`,
    ),
  ].join('\n')
}
