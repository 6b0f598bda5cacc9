import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf, peakMemoryMiBOf, startProgram } from './processes.js'
import { topics, workloadOf } from './topics.js'

const dist = (/** @type {string} */ path) => import(new URL(`../../dist/${path}`, import.meta.url).href)
const [{ monotonicMs }, { sendAtRate }, { quantilesOf }] = await Promise.all([
  dist('base/clock.js'),
  dist('bench/driver.js'),
  dist('bench/latency.js'),
])

/**
 * @typedef {import('./engine.js').Engine} Engine @typedef {import('./engine.js').Run} Run @typedef
 * {import('./topics.js').Broker} Broker
 */
/** @typedef {{ rate: number, lingerMs: number, warmSeconds: number, seconds: number }} Pace */

const patienceMs = 90_000
/** Predictions that have not come by then are missing. */
const drainMs = 40_000

/**
 * Sends events at a fixed rate, open loop, and receives their predictions as a consumer of the output topic: from an
 * event's scheduled time to its receipt. A late driver is in the figures. The engine proves itself alive with the
 * workload's first event before; the warm-up is left out of the times and of the CPU.
 * @param {Engine} engine @param {Run} run @param {Broker} broker @param {Pace} pace @param {Readonly<Record<string,
 *   number>>} beside
 */
export async function latency(engine, run, broker, { rate, lingerMs, warmSeconds, seconds }, beside) {
  await broker.renew()
  await broker.empty()
  const total = rate * (warmSeconds + seconds)
  const placed = [...workloadOf(total + 1)]
  const receivedMs = new Float64Array(total + 1)
  let received = 0
  let twice = 0
  const complete = new AbortController()
  const receiving = broker.read(
    topics.predictions,
    ({ value }) => {
      const nowMs = monotonicMs()
      for (const [number] of value === null ? [] : engine.read(value)) {
        if (receivedMs[number] !== 0) twice++
        else received++
        receivedMs[number] = nowMs
      }
      if (received > total) complete.abort()
    },
    complete.signal,
  )
  receiving.catch(() => complete.abort())
  /** @param {number} first @param {number} end */
  const send = async (first, end) => {
    /** @type {Map<number, import('../../src/log/event-log.js').NewRecord[]>} */
    const batches = new Map()
    for (const { partition, record } of placed.slice(first, end)) {
      const batch = batches.get(partition)
      if (batch === undefined) batches.set(partition, [record])
      else batch.push(record)
    }
    const sent = await Promise.allSettled(
      [...batches].map(([partition, records]) => broker.log.append({ topic: topics.events, partition }, records)),
    )
    return sent.every(({ status }) => status === 'fulfilled')
  }

  const started = await startProgram(await engine.program(run), `${run.directory}/engine.log`)
  try {
    await send(0, 1)
    await firstPrediction()
    const processes = { engine: started.pid, ...beside }
    const sending = sendAtRate(
      total,
      { ratePerSecond: rate, lingerMs },
      (/** @type {number} */ first, /** @type {number} */ end) => send(first + 1, end + 1),
    )
    await sleep(warmSeconds * 1_000)
    const before = cpuOf(processes)
    await sleep(seconds * 1_000)
    const after = cpuOf(processes)
    const inTime = received
    const { sent, latestMs } = await sending
    started.check()
    await sleep(received > total ? 0 : drainMs, undefined, { signal: complete.signal }).catch(() => undefined)
    complete.abort()
    await receiving
    // Number 0 went before the schedule.
    const due = /** @type {readonly import('../engine/driver.js').Sent[]} */ (sent)
      .map(({ scheduledMs }, i) => ({ scheduledMs, gotMs: receivedMs[i + 1] ?? 0 }))
      .slice(rate * warmSeconds)
    const times = due.flatMap(({ scheduledMs, gotMs }) => (gotMs === 0 ? [] : [gotMs - scheduledMs]))
    const cpuSeconds = Object.fromEntries(
      Object.keys(processes).map((name) => [name, Number(after[name]) - Number(before[name])]),
    )
    const { p50Ms, p95Ms, p99Ms, maxMs } = quantilesOf(times)
    return {
      p50Ms,
      p95Ms,
      p99Ms,
      maxMs,
      cpuSeconds,
      peakMemoryMiB: peakMemoryMiBOf(started.pid),
      missing: due.length - times.length,
      twice,
      inTimeShare: Math.min(1, inTime / total),
      driverLatestMs: latestMs,
    }
  } finally {
    complete.abort()
    await started.stop()
  }

  async function firstPrediction() {
    for (const untilMs = Date.now() + patienceMs; received === 0; await sleep(50)) {
      started.check()
      if (Date.now() > untilMs) throw new Error(`${engine.name} gave no first prediction`)
    }
    await sleep(1_000)
  }
}
