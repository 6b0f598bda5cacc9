/**
 * node bench/backtest.js [--runs 3] [--events 300000] [--entities 10000,100000,1000000] [--directory DIR]: the speed of
 * a backtest in one process, and how its memory grows with the number of entities. After `npm run build`.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { beginBacktest, continueBacktest } from '../dist/consumers/replay/backtest/backtest.js'
import { withLog } from '../dist/compose/tasks.js'
import { withReplay } from '../dist/compose/replays.js'

const built = (/** @type {string} */ path) => import(new URL(`../dist/${path}`, import.meta.url).href)
/** @type {typeof import('./engine/setup.js')} */
const { appendInBatches, benchConfig, benchStream, placed, placeModel } = await built('bench/setup.js')
/** @type {typeof import('./engine/workload.js')} */
const { workload, workloadLines } = await built('bench/workload.js')

const self = fileURLToPath(import.meta.url)
const own = promisify(execFile)

/**
 * Puts events into a new log. @param {string} directory @param {'json' | 'avro'} encoding @param {Iterable<string>}
 * lines
 */
async function fill(directory, encoding, lines) {
  const stream = await benchStream()
  await placeModel(directory, stream)
  await withLog(benchConfig({ directory, rawEvents: false }), [stream], (log) =>
    appendInBatches(log, stream, placed(stream, encoding, lines)),
  )
}

/** One backtest in this process, which ends with it. @param {string} directory */
async function measure(directory) {
  const config = benchConfig({ directory, rawEvents: false })
  const { stream } = await benchStream()
  const { run, figures } = await withReplay(config, { signal: new AbortController().signal }, async (parts) => {
    const begun = await beginBacktest({ id: 'bench', stream, model: 'bench-1' }, parts)
    const { report } = await continueBacktest(begun, stream, parts)
    if (report === undefined) throw new Error('the backtest did not come to its end')
    return report
  })
  const { user, system } = process.cpuUsage()
  return {
    records: run.records,
    recordsPerSecond: Math.round(run.records / (run.replayMs / 1_000)),
    cpuMicrosPerRecord: +((user + system) / run.records).toFixed(1),
    peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1_024),
    scoreSum: +((figures.run.meanScore ?? 0) * figures.run.rows).toFixed(3),
  }
}

/** The events of the workload in number, or two of each entity where that is more. @param {number} entities */
function* growing(entities) {
  const startMs = Date.UTC(2025, 0, 6)
  const events = Math.max(workload.events, 2 * entities)
  for (let i = 0; i < events; i++) {
    const person = (i * 7_919) % entities
    yield JSON.stringify({
      event_id: `g${i}`,
      tenant_id: `t${person % 20}`,
      person_id: `p${person}`,
      site_id: `s${person % 200}`,
      ts: startMs + i * 20,
      kind: i % 2 === 0 ? 'in' : 'out',
      lat: -6 + (person % 100) / 100,
      lon: 107 + (i % 100) / 100,
      accuracy_m: 3 + (i % 150),
      device_id: `d${person}`,
      method: i % 20 === 0 ? 'manual' : 'gps',
      battery: (i % 100) / 100,
    })
  }
}

/** @param {string} parent @param {'json' | 'avro'} encoding @param {() => Iterable<string>} lines */
async function measured(parent, encoding, lines) {
  const directory = await mkdtemp(join(parent, 'tidemill-bench-'))
  try {
    await fill(directory, encoding, lines())
    const { stdout } = await own(process.execPath, [self, '--measure', directory])
    return /** @type {Awaited<ReturnType<typeof measure>>} */ (JSON.parse(stdout))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const { values } = parseArgs({
  options: {
    measure: { type: 'string' },
    runs: { type: 'string', default: '3' },
    events: { type: 'string', default: String(workload.events) },
    entities: { type: 'string', default: '10000,100000,1000000' },
    directory: { type: 'string', default: tmpdir() },
  },
})

if (values.measure !== undefined) process.stdout.write(JSON.stringify(await measure(values.measure)))
else {
  for (const encoding of /** @type {const} */ (['json', 'avro']))
    for (let run = 1; run <= Number(values.runs); run++) {
      const figures = await measured(values.directory, encoding, () => workloadLines(Number(values.events)))
      process.stdout.write(`${JSON.stringify({ what: `workload, ${encoding}`, run, ...figures })}\n`)
    }
  for (const entities of values.entities
    .split(',')
    .filter((text) => text !== '')
    .map(Number)) {
    const figures = await measured(values.directory, 'json', () => growing(entities))
    process.stdout.write(`${JSON.stringify({ what: 'entities', entities, ...figures })}\n`)
  }
}
