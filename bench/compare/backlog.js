import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf, peakMemoryMiBOf, startProgram } from './processes.js'
import { topics } from './topics.js'

/**
 * @typedef {import('./engine.js').Engine} Engine @typedef {import('./engine.js').Run} Run @typedef
 * {import('./topics.js').Broker} Broker
 */

const pollMs = 250
/** An output that has not grown for so long is read: it may be complete. */
const quietMs = 1_500
const patienceMs = 400_000

/**
 * Scores the events that lie in the topic with a fresh engine. The rate counts from the first record of predictions,
 * whose events are left out, to the last, by the broker's clock; with a warehouse until its last row too. CPU is that
 * of the whole processes from start to the last prediction or row, start-up included.
 * @param {Engine} engine @param {Run} run @param {Broker} broker @param {number} events @param {Readonly<Record<string,
 *   number>>} beside
 */
export async function backlog(engine, run, broker, events, beside) {
  await broker.renew()
  const before = cpuOf(beside)
  const startedAtMs = Date.now()
  const started = await startProgram(await engine.program(run), `${run.directory}/engine.log`)
  try {
    const processes = { engine: started.pid, ...beside }
    let cpu = cpuOf(processes)
    let storedAtMs = 0
    let rows = 0
    let records = 0
    for (let grewAtMs = Date.now(); ; await sleep(pollMs)) {
      started.check()
      if (Date.now() - startedAtMs > patienceMs) throw new Error(`${engine.name} did not finish in time`)
      const [now, stored] = await Promise.all([broker.count(topics.predictions), engine.stored?.(run) ?? 0])
      if (stored > rows) storedAtMs = Date.now()
      if (now > records || stored > rows) {
        cpu = cpuOf(processes)
        grewAtMs = Date.now()
      }
      records = now
      rows = stored
      if (records === 0 || Date.now() - grewAtMs < quietMs || (engine.stored !== undefined && rows < events)) continue
      const output = await readOutput(engine, broker, events)
      if (output.distinct < events) continue
      const lastAtMs = Math.max(output.lastAtMs, storedAtMs)
      const cpuSeconds = Object.fromEntries(
        Object.entries(cpu).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]),
      )
      return {
        eventsPerSecond: (output.predictions - output.first) / ((lastAtMs - output.firstAtMs) / 1_000),
        scoredPerSecond: (output.predictions - output.first) / ((output.lastAtMs - output.firstAtMs) / 1_000),
        startupMs: output.firstAtMs - startedAtMs,
        peakMemoryMiB: peakMemoryMiBOf(started.pid),
        cpuSeconds,
        predictions: output.predictions,
        distinct: output.distinct,
        scoreSum: output.scoreSum,
      }
    }
  } finally {
    await started.stop()
  }
}

/** What lies in the output now. @param {Engine} engine @param {Broker} broker @param {number} events */
async function readOutput(engine, broker, events) {
  const complete = new AbortController()
  const scores = new Float64Array(events).fill(NaN)
  let [predictions, distinct, first, firstAtMs, lastAtMs] = [0, 0, 0, Infinity, 0]
  const late = setTimeout(() => complete.abort(), 20_000)
  await broker.read(
    topics.predictions,
    ({ value, timestampMs }) => {
      const scored = value === null ? [] : engine.read(value)
      if (scored.length === 0) return
      if (timestampMs < firstAtMs) [firstAtMs, first] = [timestampMs, scored.length]
      lastAtMs = Math.max(lastAtMs, timestampMs)
      predictions += scored.length
      for (const [number, score] of scored) {
        if (Number.isNaN(scores[number])) distinct++
        scores[number] = score
      }
      if (distinct === events) complete.abort()
    },
    complete.signal,
  )
  clearTimeout(late)
  return { predictions, distinct, first, firstAtMs, lastAtMs, scoreSum: scores.reduce((sum, score) => sum + score, 0) }
}
